"""What burns first, today's figures, and everything that waits for a person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aiohttp import web

from paidan.console.actions import case_buttons
from paidan.console.answers import go_back
from paidan.console.lists import day_start, next_day, orders_link, tiles
from paidan.console.live import stream
from paidan.console.meaning import guessed
from paidan.console.render import Reader, page, reader_of
from paidan.console.rights import Right
from paidan.console.viewer import SERVICES, VIEWER
from storage.figures import Cell, Overview
from workflow.company import Company
from workflow.kept import Case, Queued
from workflow.records import Action, Button
from workflow.surge.keys import value_of
from workflow.work_order import Surge, WorkOrder

_BURNING = 8
_LEVELS = 4
_MINE = ("orders", "cases", "people", "readings", "models")


@dataclass(frozen=True)
class Kpi:
    """One figure: its period, how it changed, whether that is good, and the list behind it."""

    name: str
    value: str
    period: str
    href: str = ""
    delta: str = ""
    rising: bool = False
    verdict: str = "same"


@dataclass(frozen=True)
class Heat:
    """One cell of the heat map; ``level`` 1–4 is how it compares with the busiest."""

    count: int
    level: int
    href: str
    title: str


@dataclass(frozen=True)
class HeatTable:
    """Hours across, channels down."""

    hours: list[int]
    rows: list[tuple[str, list[Heat]]]


@dataclass(frozen=True)
class HeatMap:
    """The same counts by one hour and by two; both sum to ``total``."""

    by_hour: HeatTable
    by_two: HeatTable
    total: int


@dataclass(frozen=True)
class Waiting:
    """A case with its one-tap decisions."""

    case: Case
    guess: str
    buttons: tuple[Button, ...]


@dataclass(frozen=True)
class Surging:
    """A surge that goes on: its parent, what there is so much of, how many and since when."""

    number: str
    what: str
    children: int
    waiting: int
    since: datetime
    answered: bool


@dataclass(frozen=True)
class Letter:
    """A notice that never arrived, and the button that sends it again."""

    who: str
    where: str
    at: datetime
    text: str
    error: str
    button: Button


async def show(request: web.Request) -> web.Response:
    """The supervisors' home; engineers are shown theirs."""
    services, viewer, reader = request.app[SERVICES], request[VIEWER], reader_of(request)
    if not viewer.has(Right.ALL_ORDERS):
        return go_back("/me")
    company, queries, tenant = viewer.company, services.store.queries, services.tenant
    start = day_start(reader.now, company)
    figures = await queries.overview(tenant, reader.now, start)
    cells = await queries.heat(tenant, start, next_day(start), company.tz)
    cases = [case for case in await queries.cases(tenant) if case.state == "open"]
    dead = await queries.dead_letters(tenant)
    hot = [order for order in figures.burning if order.deadline_at or order.stalled]
    burning = await services.store.read(
        tenant, lambda uow: tiles(uow, hot[:_BURNING], viewer.me, reader)
    )
    waiting = [Waiting(c, guessed(c.understanding, reader), case_buttons(c, reader)) for c in cases]
    surging = await queries.surging(tenant)
    return page(
        request,
        "overview.html",
        surging=[_surging(order, order.surge, reader) for order in surging if order.surge],
        kpis=_kpis(figures, start, reader),
        burning=burning,
        heat=_heat_map(cells, start, reader),
        queues=[
            ("triage", [w for w in waiting if w.case.kind != "complaint"]),
            ("complaint", [w for w in waiting if w.case.kind == "complaint"]),
        ],
        dead=[_letter(queued, company, reader) for queued in dead],
    )


async def live(request: web.Request) -> web.StreamResponse:
    """Tells the console's pages that something changed, and what the clock says."""
    services, me = request.app[SERVICES], request[VIEWER].me
    watched = {*_MINE, f"posts:console/staff:{me.id}"}

    async def paint(topics: frozenset[str]) -> AsyncIterator[tuple[str, str]]:
        reader = reader_of(request)
        yield "now", reader.iso(services.store.now(services.tenant))
        if topics & watched:
            yield "changed", ""

    return await stream(request, paint)


# --- figures ----------------------------------------------------------------------------------


def _kpis(figures: Overview, start: datetime, reader: Reader) -> Sequence[Kpi]:
    today, before = figures.today, figures.yesterday
    tomorrow = next_day(start)
    opened = {"opened_since": start, "opened_until": tomorrow}
    closed = {"closed_since": start, "closed_until": tomorrow}
    in_all = sum(sum(row.values()) for row in figures.open.values())
    danger = sum(row.get("P0", 0) for row in figures.open.values())
    say = reader.t
    return (
        Kpi(say("kpi.open"), str(in_all), say("kpi.p0", n=danger), orders_link(open=1)),
        Kpi(
            say("kpi.breached"),
            str(figures.overdue),
            say("kpi.now"),
            orders_link(overdue=1),
        ),
        _compared(
            Kpi(say("kpi.opened"), str(today.opened), say("kpi.today"), orders_link(**opened)),
            today.opened - before.opened,
            better=None,
        ),
        _compared(
            Kpi(say("kpi.closed"), str(today.closed), say("kpi.today"), orders_link(**closed)),
            today.closed - before.closed,
            better=1,
        ),
        _first_response(figures, orders_link(**opened), reader),
        _median(figures, orders_link(**opened), reader),
        _rating(figures, orders_link(closed_since=start - timedelta(days=7)), reader),
    )


def _rating(figures: Overview, href: str, reader: Reader) -> Kpi:
    """What customers gave in the last seven days, against the seven before."""
    now, before = figures.week.average, figures.week_before.average
    kpi = Kpi(
        reader.t("kpi.rating"),
        f"{now:.1f}" if now else "—",
        reader.t("kpi.week", n=figures.week.count),
        href,
    )
    return _compared(kpi, round(now - before, 1) if now and before else 0, better=1)


def _first_response(figures: Overview, href: str, reader: Reader) -> Kpi:
    """Of those due by now, the share answered in time."""

    def share(in_time: int, late: int) -> float | None:
        return in_time / (in_time + late) if in_time + late else None

    today = share(figures.today.in_time, figures.today.late)
    before = share(figures.yesterday.in_time, figures.yesterday.late)
    kpi = Kpi(
        reader.t("kpi.first_response"),
        reader.percent(today),
        reader.t("kpi.today_of", n=figures.today.in_time + figures.today.late),
        href,
    )
    change = round((today - before) * 100) if today is not None and before is not None else 0
    return _compared(kpi, change, better=1, unit="%")


def _median(figures: Overview, href: str, reader: Reader) -> Kpi:
    today = figures.today.median_first_response
    before = figures.yesterday.median_first_response
    kpi = Kpi(reader.t("kpi.median"), reader.span(today), reader.t("kpi.today"), href)
    if today is None or before is None or today == before:
        return kpi
    rising = today > before
    return replace(
        kpi,
        delta=reader.span(abs(today - before)),
        rising=rising,
        verdict="bad" if rising else "good",
    )


def _compared(kpi: Kpi, change: float, *, better: int | None, unit: str = "") -> Kpi:
    """The figure with how it changed; ``better`` 1 means more is good, None neither."""
    if not change:
        return kpi
    verdict = "same" if better is None else "good" if change * better > 0 else "bad"
    return replace(kpi, delta=f"{abs(change):g}{unit}", rising=change > 0, verdict=verdict)


# --- the heat map -----------------------------------------------------------------------------


def _heat_map(cells: Sequence[Cell], start: datetime, reader: Reader) -> HeatMap:
    channels = sorted({cell.channel for cell in cells}) or ["web"]
    return HeatMap(
        by_hour=_table(cells, channels, start, reader, step=1),
        by_two=_table(cells, channels, start, reader, step=2),
        total=sum(cell.count for cell in cells),
    )


def _table(
    cells: Sequence[Cell], channels: Sequence[str], start: datetime, reader: Reader, *, step: int
) -> HeatTable:
    hours = list(range(0, 24, step))
    counts: dict[tuple[int, str], int] = {}
    causes: dict[tuple[int, str], list[str]] = {}
    for cell in cells:
        key = (cell.hour // step * step, cell.channel)
        counts[key] = counts.get(key, 0) + cell.count
        causes.setdefault(key, []).extend(
            f"{reader.label('fault_type', fault)} {n}" for fault, n in cell.causes
        )
    busiest = max(counts.values(), default=1)

    def heat(hour: int, channel: str) -> Heat:
        count = counts.get((hour, channel), 0)
        since = start + timedelta(hours=hour)
        title = reader.t(
            "heat.cell",
            **{"channel": _channel(channel, reader), "from": hour, "to": hour + step},
            n=count,
        )
        return Heat(
            count=count,
            level=-(-count * _LEVELS // busiest),
            href=orders_link(
                channel=channel, opened_since=since, opened_until=since + timedelta(hours=step)
            ),
            title=" · ".join([title, *causes.get((hour, channel), [])]),
        )

    rows = [(_channel(name, reader), [heat(hour, name) for hour in hours]) for name in channels]
    return HeatTable(hours, rows)


def _channel(name: str, reader: Reader) -> str:
    return reader.t_or(f"channel.{name}", name)


def _surging(order: WorkOrder, surge: Surge, reader: Reader) -> Surging:
    fault = reader.label("fault_type", order.fault_type)
    return Surging(
        number=order.number,
        what=" ".join(part for part in (fault, value_of(surge.key)) if part),
        children=len(order.children),
        waiting=sum(not child.outcome for child in order.children),
        since=order.opened_at or reader.now,
        answered=surge.approved_at is not None,
    )


def _letter(queued: Queued, company: Company, reader: Reader) -> Letter:
    notice = queued.notice
    staff = company.staff.get(notice.person or "")
    return Letter(
        who=staff.name if staff else reader.t(f"role.{notice.role}"),
        where=f"{_channel(notice.to.channel, reader)} {notice.to.chat}",
        at=queued.created_at,
        text=notice.text,
        error=queued.error,
        button=Button(reader.t("act.retry_notice"), Action("retry_notice", str(queued.id))),
    )
