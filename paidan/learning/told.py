"""The learning loop in words, for the terminal: Chinese, or English when the reader wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from paidan.learning.drift import Alert, Drift, Period
from paidan.learning.registry import SHIPPED, Standing
from paidan.learning.retraining import Outcome
from workflow.errors import InvalidInput
from workflow.learning import HEADS, Correction, ModelMove, ModelVersion
from workflow.records import Facts

CORRECTION_COLUMNS: Final = (
    *("at", "by", "head", "was", "now", "text", "order_id", "source", "model"),
)
HEAD_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "intent": ("意图", "intent"),
    "fault_type": ("故障类型", "fault type"),
    "priority": ("优先级", "priority"),
}
ACTS: Final[Mapping[str, tuple[str, str]]] = {
    "made": ("训练", "made"),
    "kept_as_shadow": ("留作影子", "kept as shadow"),
    "promoted": ("上线", "promoted"),
    "rolled_back": ("回退", "rolled back"),
}
REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "better": (
        "更好：{wins} 处变对，{losses} 处变错，碰巧的机会 {chance}",
        "better: {wins} answers became right, {losses} wrong, by chance {chance}",
    ),
    "p0_missed": (
        "漏了紧急的：考卷 P0 召回 {before} → {now}，改判里漏 {corrected}（现用的漏 {by_current}）",
        "misses emergencies: P0 recall on the exam {before} → {now}, of the corrected ones "
        "{corrected} missed (now {by_current})",
    ),
    "worse": (
        "考卷上{head}变差：{won} 处变对，{lost} 处变错",
        "worse on the exam, {head}: {won} became right, {lost} wrong",
    ),
    "not_proven": (
        "证据不够：{wins} 处变对，{losses} 处变错，碰巧的机会 {chance}，要小于 0.05",
        "not proven: {wins} became right, {losses} wrong, by chance {chance}, below 0.05 wanted",
    ),
    "moved_on": ("训练期间换过模型，没有再比", "another model was put to work meanwhile"),
}
ALERTS: Final[Mapping[str, tuple[str, str]]] = {
    "sure": (
        "{head}的把握降到 {now}（训练时 {usual}，下限 {bound}）",
        "{head}: confidence fell to {now} (training {usual}, bound {bound})",
    ),
    "doubtful": (
        "请人看的占 {now}（训练时 {usual}，上限 {bound}）",
        "{now} need a person (training {usual}, bound {bound})",
    ),
    "strange": (
        "没见过的话占 {now}（训练时 {usual}，上限 {bound}）",
        "{now} are strange to it (training {usual}, bound {bound})",
    ),
    "corrected": ("改判率 {now}（上限 {bound}）", "{now} were corrected (bound {bound})"),
    "shift": (
        "{head}的构成与前三周不同：稳定度指数 {now}（上限 {bound}）",
        "the mix of {head} differs from the weeks before: stability index {now} (bound {bound})",
    ),
}


def _say(pair: tuple[str, str], locale: str, **facts: object) -> str:
    return pair[0 if locale == "zh_CN" else 1].format(**facts)


def reason(code: str, facts: Facts, locale: str) -> str:
    """Why a candidate was promoted or kept as a shadow."""
    told = dict(facts)
    if "head" in told:
        told["head"] = _say(HEAD_NAMES[str(told["head"])], locale)
    return _say(REASONS[code], locale, **told) if code in REASONS else code


def alert(found: Alert, locale: str) -> str:
    """A figure beyond its bound, in a sentence."""
    plain = found.code == "shift"

    def number(value: float) -> str:
        return f"{value:.2f}" if plain else f"{value:.0%}"

    head = _say(HEAD_NAMES[found.head], locale) if found.head else ""
    facts = {"now": number(found.now), "usual": number(found.usual), "bound": number(found.bound)}
    return _say(ALERTS[found.code], locale, head=head, **facts)


def reasons_of(report: Facts, locale: str) -> list[str]:
    """The reasons kept with a version, in words."""
    kept = report.get("reasons")
    pairs = kept if isinstance(kept, list | tuple) else ()
    return [reason(str(code), facts, locale) for code, facts in pairs]


def listed(standing: Standing, shipped: str, locale: str) -> str:
    """One line a version."""
    rows = [_line(version, standing, shipped, locale) for version in standing.versions]
    mark = "*" if standing.current == SHIPPED else " "
    name = _say(("出厂", "shipped"), locale)
    return "\n".join([*rows, f"{mark} {shipped}  {name}"])


def _line(version: ModelVersion, standing: Standing, shipped: str, locale: str) -> str:
    mark = "*" if version.name == standing.current else " "
    exam = version.report.get("exam")
    figures = exam if isinstance(exam, Mapping) else {}
    scores = " ".join(f"{_say(HEAD_NAMES[h], locale)} {_share(figures.get(h))}" for h in HEADS)
    recall = f"P0 {_share(figures.get('p0_recall'))}"
    old = _say(("（基于旧程序，不再使用）", " (of an older program)"), locale)
    told = _say(("改判", "corrections"), locale)
    made = version.made_at.strftime("%Y-%m-%d %H:%M")
    line = f"{mark} {version.name}  {made}  {told} {version.report.get('taught', 0)}"
    return f"{line}  {scores}  {recall}{'' if version.base == shipped else old}"


def described(standing: Standing, shipped: str, name: str, locale: str) -> str:
    """A version's figures beside those it was compared with, the verdict, and the journal.

    Raises:
        InvalidInput: no version is called so.
    """
    wanted = name or standing.current
    version = next((v for v in standing.versions if wanted and v.name.startswith(wanted)), None)
    if version is None and wanted not in {SHIPPED, "shipped", shipped}:
        names = " / ".join(v.name for v in standing.versions) or "shipped"
        raise InvalidInput(field="model", found=wanted, allowed=names)
    parts = [_figures(version, locale)] if version else [f"{shipped}"]
    moves = [m for m in standing.moves if version is None or version.name in {m.model, m.before}]
    return "\n".join([*parts, *(moved(move, locale) for move in moves)])


def _figures(version: ModelVersion, locale: str) -> str:
    report = version.report
    after, before = report.get("exam"), report.get("exam_before")
    now = after if isinstance(after, Mapping) else {}
    was = before if isinstance(before, Mapping) else {}
    rows = [f"{version.name}  {version.made_at:%Y-%m-%d %H:%M}"]
    for key in (*HEADS, "p0_recall", "p0_precision"):
        name = _say(HEAD_NAMES[key], locale) if key in HEAD_NAMES else key
        rows.append(f"  {name}  {_share(was.get(key))} → {_share(now.get(key))}")
    right = report.get("held_out_right")
    mine, theirs = right if isinstance(right, list | tuple) else (0, 0)
    held_out = _say(("没学过的改判", "corrections not seen"), locale)
    rows.append(f"  {held_out}  {theirs} → {mine} / {report.get('held_out', 0)}")
    return "\n".join([*rows, *(f"  {text}" for text in reasons_of(report, locale))])


def came_of(outcome: Outcome, locale: str) -> str:
    """What a retraining came to."""
    if not outcome.model or outcome.verdict is None:
        return _say(("没有新的改判，不用重训", "no new corrections, nothing to learn"), locale)
    head = _say(
        ("{model} 已上线", "{model} reads now")
        if outcome.promoted
        else ("{model} 留作影子", "{model} is kept as a shadow"),
        locale,
        model=outcome.model,
    )
    return "\n".join([head, *(f"  {why}" for why in reasons_of(outcome.verdict, locale))])


def moved(move: ModelMove, locale: str) -> str:
    """A line of the journal."""
    shipped = _say(("出厂", "shipped"), locale)
    act = _say(ACTS[move.act], locale)
    at = move.at.strftime("%Y-%m-%d %H:%M")
    known = REASONS.get(move.why)
    why = "" if known else move.why
    told = f"{at}  {act}  {move.before or shipped} → {move.model or shipped}  {move.by}"
    return f"{told}  {why}".rstrip()


def drifted(found: Drift, locale: str) -> str:
    """The drift report as a small table, and what is beyond its bound."""
    columns = (found.training, found.month, found.week)
    names = _say(("训练时 28天 7天", "training 28d 7d"), locale).split(" ")
    rows: list[Sequence[str]] = [("", *names), *_rows(columns, locale)]
    widths = [max(_wide(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = ["  ".join(_padded(c, w) for c, w in zip(r, widths, strict=True)) for r in rows]
    warned = [f"! {alert(one, locale)}" for one in found.alerts]
    if not found.enough:
        warned = [_say(("近 7 天的话太少，不作判断", "too few messages to judge"), locale)]
    return "\n".join([*(line.rstrip() for line in lines), *warned])


def _rows(columns: Sequence[Period], locale: str) -> Iterator[Sequence[str]]:
    yield _say(("消息数", "messages"), locale), *(str(p.messages) for p in columns)
    for head in HEADS:
        name = _say(("{head}把握", "{head} sure"), locale, head=_say(HEAD_NAMES[head], locale))
        yield name, *(_share(p.sure[head]) for p in columns)
    yield _say(("请人看", "need a person"), locale), *(_share(p.doubtful) for p in columns)
    yield _say(("没见过的话", "strange"), locale), *(_share(p.strange) for p in columns)
    yield _say(("改判率", "corrected"), locale), *(_share(p.corrected) for p in columns)
    for head in HEADS:
        named = _say(HEAD_NAMES[head], locale)
        common = sorted(columns[1].labels[head].items(), key=lambda pair: -pair[1])[:5]
        for label, _ in common:
            yield (
                f"{named} {label}",
                *(_share(p.labels[head].get(label, 0.0) if p.messages else None) for p in columns),
            )


def _wide(text: str) -> int:
    """Columns of a terminal; a Chinese character takes two."""
    return sum(2 if ord(char) > 0x2E7F else 1 for char in text)  # noqa: PLR2004  # first CJK block


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _wide(text))


def _share(found: object) -> str:
    return f"{found:.1%}" if isinstance(found, int | float) else "—"


def correction_row(said: Correction, mask: Callable[[str], str]) -> Sequence[str]:
    """A correction for export; ``mask`` hides what is not for everybody in its text."""
    facts = {name: str(getattr(said, name)) for name in CORRECTION_COLUMNS}
    return [mask(value) if name == "text" else value for name, value in facts.items()]
