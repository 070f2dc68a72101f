"""理解: what waits for a second look, what is mistaken for what, and which model reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from paidan.console.actions import fault_choices
from paidan.console.answers import done
from paidan.console.guard import read_form
from paidan.console.render import Reader, page, reader_of
from paidan.console.viewer import SERVICES, VIEWER
from paidan.learning import told
from paidan.learning.desk import LearningDesk, Lookback
from paidan.learning.drift import MONTH, Period, bins
from paidan.learning.registry import SHIPPED, Registry, Standing
from workflow.company import Company
from workflow.errors import InvalidInput
from workflow.learning import HEADS, LABELS, Correction, Day, ModelVersion, Reading, settled
from workflow.ports import UnitOfWork
from workflow.records import Action, Button

SHOWN = 12
LATELY = 8
OFTEN, OFTEN_SHARE = 3, 0.2
"""A label is suspect that people put right this often, and in this share of its readings."""
_MATRIX = 8
_LEVELS = 4


@dataclass(frozen=True)
class Doubt:
    """One answer in doubt: what it was taken for, how sure, the likely others and all of them."""

    head: str
    name: str
    label: str
    confidence: float
    likely: tuple[Button, ...]
    others: tuple[Button, ...]


@dataclass(frozen=True)
class Item:
    """A message in the queue."""

    reading: Reading
    number: str
    doubts: tuple[Doubt, ...]
    confirm: Button


@dataclass(frozen=True)
class Said:
    """Something somebody put right lately, and the button that takes it back."""

    correction: Correction
    head: str
    was: str
    now: str
    by: str
    undo: Button


@dataclass(frozen=True)
class Confused:
    """Answers taken for something else: how often, with an example."""

    was: str
    now: str
    times: int
    example: str


@dataclass(frozen=True)
class Matrix:
    """Columns and rows of the most confused labels; the diagonal was confirmed."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[int, int, str], ...]], ...]


@dataclass(frozen=True)
class Version:
    """A model in the list. ``state`` is ``reads``, ``shadow``, ``past`` or ``outdated``."""

    name: str
    made_at: datetime | None
    state: str
    taught: int
    figures: Mapping[str, float]
    reasons: tuple[str, ...]
    may: bool


async def show(request: web.Request) -> web.Response:
    """The page; ``head`` in the address chooses whose confusion and confidence is shown."""
    services, viewer, reader = request.app[SERVICES], request[VIEWER], reader_of(request)
    desk = _desk(services.learning)
    head = request.query.get("head", "fault_type")
    if head not in HEADS:
        raise InvalidInput(field="head", found=head[:40], allowed=" / ".join(HEADS))
    back = await desk.look_back()
    said = settled(await desk.corrections(back.now - timedelta(days=MONTH)))
    since = back.now - timedelta(days=MONTH)
    doubtful = await services.store.read(
        services.tenant, lambda uow: uow.readings.waiting(since, SHOWN * 4)
    )
    suspect = _suspects(said, back.days)
    more = await services.store.queries.suspects(services.tenant, suspect, since, SHOWN)
    queue = _queue(doubtful, more)
    numbers = await services.store.read(
        services.tenant, lambda uow: _numbers(uow, queue[:SHOWN], said)
    )
    standing = await desk.standing()
    return page(
        request,
        "understanding.html",
        head=head,
        heads=[(h, reader.t(f"head.{h}")) for h in HEADS],
        queue=[_item(r, suspect, numbers, viewer.company, reader) for r in queue[:SHOWN]],
        waiting=len(queue),
        lately=_lately(said, viewer.company, reader),
        confused=_confused(said, head, reader),
        matrix=_matrix(said, head, reader),
        histogram=_histogram(back.days, head),
        drift=back.drift,
        alerts=[told.alert(alert, reader.locale) for alert in back.drift.alerts],
        periods=_periods(back, reader),
        versions=_versions(standing, desk.registry, reader),
        moves=[
            (move, reader.t(f"model.{move.act}"), _who(move.by, viewer.company, reader))
            for move in standing.moves[:LATELY]
        ],
        shipped=desk.registry.shipped.model.name,
    )


async def move(request: web.Request) -> web.StreamResponse:
    """Promote a version or roll back; who did it and why stands in the journal."""
    desk, me = _desk(request.app[SERVICES].learning), request[VIEWER].me
    reader, form = reader_of(request), await read_form(request)
    why = form.get("why", "").strip()[:200]
    if form.get("do") == "rollback":
        moved = await desk.roll_back(me.id, why)
    else:
        moved = await desk.promote(form.get("model", "") or "shipped", me.id, why)
    name = moved.model or reader.t("model.shipped")
    return done(request, reader.t("model.now_reads", name=name), back="/understanding")


def _desk(desk: LearningDesk | None) -> LearningDesk:
    if desk is None:
        raise web.HTTPNotFound
    return desk


# --- the queue --------------------------------------------------------------------------------


def _suspects(said: Iterable[Correction], days: Iterable[Day]) -> list[tuple[str, str]]:
    """(head, label) that people often put right."""
    wrong = Counter((c.head, c.was) for c in said if c.was != c.now)
    read: Counter[tuple[str, str]] = Counter()
    for day in days:
        for head in HEADS:
            read.update({(head, label): n for label, n in day.labels[head].items()})
    return [
        (head, label)
        for (head, label), times in wrong.items()
        if times >= OFTEN and times >= OFTEN_SHARE * read[head, label]
    ]


def _queue(doubtful: Sequence[Reading], suspects: Sequence[Reading]) -> list[Reading]:
    """Both, each once, oldest first."""
    known = {reading.message: reading for reading in (*suspects, *doubtful)}
    return sorted(known.values(), key=lambda r: (r.at, r.message))


def _numbers(
    uow: UnitOfWork, queue: Iterable[Reading], said: Iterable[Correction]
) -> dict[str, str]:
    ids = {r.order_id for r in queue} | {c.order_id for c in said}
    found = ((order_id, uow.orders.find(order_id)) for order_id in ids if order_id)
    return {order_id: order.number for order_id, order in found if order is not None}


def _item(
    reading: Reading,
    suspect: Sequence[tuple[str, str]],
    numbers: Mapping[str, str],
    company: Company,
    reader: Reader,
) -> Item:
    often = [head for head, label in suspect if reading.label(head) == label]
    heads = [head for head in HEADS if head in {*reading.doubtful, *often}]
    return Item(
        reading,
        numbers.get(reading.order_id, ""),
        tuple(_doubt(reading, head, company, reader) for head in heads),
        Button(reader.t("act.reading_confirm"), Action("reading_confirm", reading.message)),
    )


def _doubt(reading: Reading, head: str, company: Company, reader: Reader) -> Doubt:
    label = reading.label(head)
    likely = [other for other in reading.alternatives.get(head, ()) if other not in {label, "none"}]
    if head != "fault_type":
        likely = [other for other in LABELS[head] if other != label]
    others: Sequence[tuple[str, str]] = ()
    if head == "fault_type":
        offered = fault_choices(company, reader, label)
        others = [pair for pair in offered if pair[0] not in likely]
    return Doubt(
        head=head,
        name=reader.t(f"head.{head}"),
        label=reader.label(head, label),
        confidence=float(reading.confidence.get(head, 0.0)),
        likely=tuple(_chip(reading, head, key, reader.label(head, key)) for key in likely),
        others=tuple(_chip(reading, head, key, name) for key, name in others),
    )


def _chip(reading: Reading, head: str, label: str, name: str) -> Button:
    args = {"head": head, "label": label}
    return Button(name, Action("reading_correct", reading.message, args=args))


def _lately(said: Sequence[Correction], company: Company, reader: Reader) -> list[Said]:
    newest = sorted(said, key=lambda c: (c.at, c.id), reverse=True)[:LATELY]
    return [
        Said(
            correction=c,
            head=reader.t(f"head.{c.head}"),
            was=reader.label(c.head, c.was),
            now=_named(c, reader),
            by=_who(c.by, company, reader),
            undo=Button(
                reader.t("act.reading_undo"),
                Action("reading_undo", c.message, args={"head": c.head, "was": c.was}),
            ),
        )
        for c in newest
    ]


def _named(said: Correction, reader: Reader) -> str:
    if said.now in LABELS[said.head]:
        return reader.label(said.head, said.now)
    return reader.t(f"label.{said.now}")


def _who(by: str, company: Company, reader: Reader) -> str:
    staff = company.staff.get(by)
    return staff.name if staff else reader.t_or(f"model.by.{by}", by)


# --- figures ----------------------------------------------------------------------------------


def _confused(said: Iterable[Correction], head: str, reader: Reader) -> list[Confused]:
    wrong = [c for c in said if c.head == head and c.was != c.now]
    examples = {(c.was, c.now): c.text for c in wrong}
    times = Counter((c.was, c.now) for c in wrong)
    return [
        Confused(
            reader.label(head, was),
            reader.label(head, now) if now in LABELS[head] else reader.t(f"label.{now}"),
            n,
            examples[was, now],
        )
        for (was, now), n in times.most_common(SHOWN)
    ]


def _matrix(said: Iterable[Correction], head: str, reader: Reader) -> Matrix | None:
    pairs = Counter((c.was, c.now) for c in said if c.head == head and c.now in LABELS[head])
    weight: Counter[str] = Counter()
    for (was, now), n in pairs.items():
        weight[was] += n
        weight[now] += n
    labels = [label for label, _ in weight.most_common(_MATRIX)]
    if len(labels) < 2:  # noqa: PLR2004  # nothing to confuse
        return None
    most = max(pairs.values())

    def cell(was: str, now: str) -> tuple[int, int, str]:
        n = pairs[was, now]
        names = reader.label(head, was), reader.label(head, now)
        return n, -(-n * _LEVELS // most), reader.t("confused.cell", was=names[0], now=names[1])

    rows = tuple(
        (reader.label(head, was), tuple(cell(was, now) for now in labels)) for was in labels
    )
    return Matrix(tuple(reader.label(head, label) for label in labels), rows)


def _histogram(days: Sequence[Day], head: str) -> list[tuple[str, int, int]]:
    """(range, messages, length of the bar in hundredths of the longest)."""
    counted = bins(days, head)
    most = max(counted) or 1
    return [
        (f"{n * 10}–{n * 10 + 10}%", many, many * 100 // most) for n, many in enumerate(counted)
    ]


def _periods(back: Lookback, reader: Reader) -> list[tuple[str, list[str]]]:
    """The drift table: a name, then training, 28 days, 7 days."""
    columns: tuple[Period, ...] = (back.drift.training, back.drift.month, back.drift.week)
    say, share = reader.t, reader.percent
    sure = [
        (say("drift.sure", head=say(f"head.{head}")), [share(p.sure[head]) for p in columns])
        for head in HEADS
    ]
    rows = [
        (say("drift.messages"), [str(p.messages) for p in columns]),
        *sure,
        (say("drift.doubtful"), [share(p.doubtful) for p in columns]),
        (say("drift.strange"), [share(p.strange) for p in columns]),
        (say("drift.corrected"), [share(p.corrected) for p in columns]),
    ]
    return [*rows, *_mix(columns, reader)]


def _mix(columns: Sequence[Period], reader: Reader) -> Iterator[tuple[str, list[str]]]:
    """The commonest fault types and intents of the month, and their share in each period."""
    for head in ("intent", "fault_type"):
        common = sorted(columns[1].labels[head].items(), key=lambda pair: -pair[1])[:5]
        for label, _ in common:
            shares = [p.labels[head].get(label, 0.0) if p.messages else None for p in columns]
            yield reader.label(head, label), [reader.percent(s) for s in shares]


# --- models -----------------------------------------------------------------------------------


def _versions(standing: Standing, registry: Registry, reader: Reader) -> list[Version]:
    rows = [_version(v, standing, registry, reader) for v in standing.versions]
    reads = standing.current == SHIPPED or not any(
        v.name == standing.current and registry.fits(v) for v in standing.versions
    )
    state = "reads" if reads else "past"
    return [*rows, Version(SHIPPED, None, state, 0, {}, (), may=not reads)]


def _version(
    version: ModelVersion, standing: Standing, registry: Registry, reader: Reader
) -> Version:
    promoted = {move.model for move in standing.moves if move.act == "promoted"}
    fits = registry.fits(version)
    state = "past" if version.name in promoted else "shadow"
    if version.name == standing.current:
        state = "reads"
    exam = version.report.get("exam")
    figures = exam if isinstance(exam, Mapping) else {}
    taught = version.report.get("taught")
    return Version(
        name=version.name,
        made_at=version.made_at,
        state=state if fits else "outdated",
        taught=taught if isinstance(taught, int) else 0,
        figures={k: float(v) for k, v in figures.items() if isinstance(v, int | float)},
        reasons=tuple(told.reasons_of(version.report, reader.locale)),
        may=fits and state != "reads",
    )
