"""The living card of a surge among supervisors: how many, how unusual, where, what next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from notifier.buttons import short
from notifier.news import usual_text
from notifier.picture import Picture, clipped, harmless
from notifier.wording import Words
from workflow.states import State
from workflow.surge.keys import TYPE, kind_of, value_of
from workflow.work_order import Child, Surge

_PLACES = 3
_LISTED = 12
_SAID = 400


def title(picture: Picture, surge: Surge, words: Words) -> str:
    """「突发 E07 · 12 起 · WO-20261124-0007」."""
    return words.say(
        "surge.title",
        what=what(picture, surge, words),
        n=len(picture.order.children),
        number=picture.order.number,
    )


def what(picture: Picture, surge: Surge, words: Words) -> str:
    """What there are so many of: an error code, a product, a place, or a kind of fault."""
    kind, value = kind_of(surge.key), harmless(value_of(surge.key))
    if kind == "place":
        value = harmless(picture.order.place) or value
    if kind == "product":
        value = harmless(picture.order.device) or value
    return words.say(f"surge.what.{kind}", value=value, fault=picture.fault(words))


def fields(picture: Picture, surge: Surge, words: Words) -> Iterator[tuple[str, str]]:
    """Name and value of each line of the card."""
    for name, value in _lines(picture, surge, words):
        if value:
            yield words.say(f"surge.field.{name}"), value


def _lines(picture: Picture, surge: Surge, words: Words) -> Iterator[tuple[str, str]]:
    order = picture.order
    children, waiting = order.children, [c for c in order.children if not c.outcome]
    yield "count", words.say("surge.count", n=len(children), open=len(waiting) or "")
    yield "rate", _rate(picture, surge, words)
    yield "places", _most((c.place for c in children), len(children), words, _PLACES)
    yield "product", _most((c.product for c in children), len(children), words, 1)
    channels = (words.label("channel", c.channel) for c in children if c.channel)
    yield "channel", _most(channels, len(children), words, 1)
    oldest = min((c.at for c in waiting), default=None)
    yield "longest", words.length(picture.now - oldest) if oldest and order.open else ""
    yield "children", _numbers(children, words)
    yield "state", picture.state(words)
    yield "handler", picture.handler.name if picture.handler else ""
    if order.state == State.AWAITING_ACCEPTANCE:
        yield "unconfirmed", words.say("surge.unconfirmed", n=len(waiting))


def _rate(picture: Picture, surge: Surge, words: Words) -> str:
    """How many came in the last window, against how many are usual in one."""
    span = timedelta(seconds=surge.window)
    lately = sum(picture.now - span < child.at <= picture.now for child in picture.order.children)
    return words.say("surge.rate", span=span, n=lately, usual=usual_text(surge.usual))


def _most(values: Iterable[str], of: int, words: Words, listed: int) -> str:
    """The commonest values with their share: 「充电桩 98%」."""
    counts = Counter(harmless(clipped(value, 30)) for value in values if value)
    return words.say(
        "list.items",
        items=[
            words.say("surge.share", value=value, percent=round(100 * n / of))
            for value, n in counts.most_common(listed)
        ],
    )


def _numbers(children: Iterable[Child], words: Words) -> str:
    """The last children by their short numbers; closed ones are ticked off."""
    listed = list(children)
    shown = [
        words.say(
            "surge.child_closed" if child.outcome else "surge.child", short=short(child.number)
        )
        for child in listed[-_LISTED:]
    ]
    more = len(listed) - len(shown)
    return words.say("surge.children", items=shown, more=more or "")


def body(picture: Picture, surge: Surge, words: Words) -> str:
    """The prepared answer and how far it is: to be approved, or sent to all."""
    if surge.dismissed:
        return words.say("surge.dismissed")
    if not surge.script:
        return words.say("surge.no_script")
    said = harmless(clipped(surge.script, _SAID))
    if surge.approved_at is None:
        return words.say("surge.prepared", text=said)
    told = sum(child.told for child in picture.order.children)
    return words.say(
        "surge.approved", text=said, by=surge.approved_name, at=surge.approved_at, n=told or ""
    )


def footer(surge: Surge, words: Words) -> str:
    """Why this is called a surge."""
    rule = "cluster" if kind_of(surge.key) == TYPE or surge.rule == "cluster" else "tail"
    odds = f"{1 / surge.probability:,.0f}" if surge.probability > 1e-12 else "10^12"  # noqa: PLR2004  # beyond words
    usual = usual_text(surge.usual)
    return words.say(f"surge.why.{rule}", n=surge.count, usual=usual, odds=odds)
