"""What leaves a chat's mailbox and how: news beside its card, reminders as one digest, and what a
poorer channel is shown. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bots.channel import Capabilities
from bots.degrade import command_lines, plain
from notifier.wording import Words
from workflow.kept import Queued
from workflow.records import Card, ChatRef, Notice, Outgoing, Urgency

MERGEABLE = frozenset({Urgency.REMINDER, Urgency.INFO})
URGENT = frozenset({Urgency.RED, Urgency.ESCALATION})


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message to send, and the notices it settles; the first one leads.

    ``retires`` is the message id of an older copy of the card that this one replaces.
    """

    notices: tuple[Queued, ...]
    text: str
    card: Card | None = None
    mentions: tuple[str, ...] = ()
    previous: str = ""
    retires: str = ""
    key: str = ""

    @property
    def lead(self) -> Notice:
        """The notice that says where to and how urgently."""
        return self.notices[0].notice

    @property
    def brief(self) -> bool:
        """Whether its reader wants the news and what to do about it, not every fact of a card."""
        return self.lead.role == "customer" and self.lead.to.kind == "direct"

    @property
    def urgent(self) -> bool:
        """Whether it may overtake the rest."""
        return self.lead.urgency in URGENT

    def outgoing(self, tenant: str, to: ChatRef) -> Outgoing:
        """The message for one chat; only the first choice of chat has the older card."""
        previous = self.previous if to == self.lead.to else ""
        return Outgoing(tenant, to, self.text, self.key, self.card, self.mentions, previous)


def parcels(box: Sequence[Queued], can: Capabilities, *, sparing: bool = False) -> list[Parcel]:
    """A mailbox as messages, the most urgent first, then in order.

    A card that is new to the chat, or whose news is urgent, comes right after its news; what was
    urgent brings a fresh card and retires the older copy. Where cards cannot be repainted, every
    news brings its card. The two are one message there, and when ``sparing`` says that the chat
    takes few.
    """
    waiting = sorted(box, key=lambda q: (q.notice.urgency, q.id))
    paired: dict[int, Queued] = {}
    for news in waiting:
        card = _card_for(news, waiting, can) if _is_news(news.notice) else None
        if card is not None and card.id not in {c.id for c in paired.values()}:
            paired[news.id] = card
    absorbed = {card.id for card in paired.values()}
    messages: list[Parcel] = []
    for queued in waiting:
        if queued.id in paired:
            together = sparing or not can.edit
            messages += _both(queued, paired[queued.id], can, together=together)
        elif queued.id not in absorbed:
            messages.append(_alone(queued))
    return messages


def nothing_to_show(parcel: Parcel, can: Capabilities) -> str:
    """Why a card need not be sent at all; empty when it must."""
    notice = parcel.lead
    if notice.kind == "repaint" and not parcel.previous:
        return "no card to repaint"
    if notice.urgency == Urgency.CARD and parcel.brief and not can.cards:
        return "the channel has no cards; the news said it"
    stays = parcel.previous and not can.edit and not _pressable(parcel.card, can, parcel.brief)
    if notice.urgency == Urgency.CARD and stays and notice.to.kind == "direct":
        return "the channel cannot repaint; the news said it"
    return ""


def digest(several: Sequence[Parcel], words: Words) -> Parcel:
    """Several calm messages to one chat as one."""
    lines = [
        words.say("delivery.digest_line", text=line)
        for parcel in several
        for line in parcel.text.splitlines()[:1]
    ]
    mentions = dict.fromkeys(who for parcel in several for who in parcel.mentions)
    notices = tuple(queued for parcel in several for queued in parcel.notices)
    return Parcel(
        notices,
        words.say("delivery.digest", n=len(lines), lines="\n".join(lines)),
        mentions=tuple(mentions),
        key=_key(notices),
    )


def mergeable(parcel: Parcel) -> bool:
    """Whether it may become a line of a digest."""
    return parcel.lead.urgency in MERGEABLE and parcel.card is None


def fit(
    outgoing: Outgoing, can: Capabilities, words: Words, *, brief: bool = False
) -> tuple[Outgoing, str]:
    """The message as this channel can show it, and what was lost, in plain words.

    ``brief``: where a card becomes words, the news and the commands are enough.
    """
    lost: list[str] = []
    card, text, mentions = outgoing.card, outgoing.text, outgoing.mentions
    if outgoing.previous and not can.edit and not _pressable(card, can, brief):
        card, lost = None, ["the older card stays as it was"]
    elif card is not None and not can.cards:
        reply = words.say("delivery.reply")
        if brief and text:
            text = "\n".join((text, *command_lines(card.buttons, reply)))
        else:
            text = "\n".join(part for part in (text, plain(card, reply)) if part)
        card, lost = None, ["card as text"]
    elif card is not None:
        card, fewer = _fewer_buttons(card, can, words)
        lost += fewer
        if card.media and not can.pictures:
            card = replace(card, media=())
            lost.append("pictures as a link" if card.links else "without pictures")
    if mentions and not can.mentions:
        mentions = ()
        lost.append("without @")
    previous = outgoing.previous if can.edit else ""
    fitting = replace(outgoing, card=card, text=text, mentions=mentions, previous=previous)
    return fitting, "; ".join(lost)


def _pressable(card: Card | None, can: Capabilities, brief: bool) -> bool:
    """Whether a card that cannot be repainted is worth sending anew: colleagues go on from its
    buttons.
    """
    return card is not None and bool(card.buttons) and can.cards and can.buttons and not brief


def retired(parcel: Parcel, tenant: str, words: Words) -> Outgoing:
    """What becomes of the older copy of a card that was sent afresh: its title, no buttons."""
    card = parcel.card or Card("", "")
    text = words.say("delivery.retired")
    note = Card(card.key, card.title, text)
    key = f"{parcel.key}:retired"
    return Outgoing(tenant, parcel.lead.to, text, key, note, previous=parcel.retires)


def _is_news(notice: Notice) -> bool:
    return notice.card is None and notice.topic is None and notice.order_id is not None


def _card_for(news: Queued, waiting: Sequence[Queued], can: Capabilities) -> Queued | None:
    loud = news.notice.urgency in URGENT or not can.cards
    for queued in waiting:
        notice = queued.notice
        same = notice.order_id == news.notice.order_id and notice.to == news.notice.to
        stands = queued.previous and can.edit
        if same and notice.kind == "card" and (loud or not stands):
            return queued
    return None


def _alone(queued: Queued) -> Parcel:
    notice = queued.notice
    return Parcel(
        (queued,),
        notice.text,
        notice.card,
        notice.mentions,
        previous=queued.previous,
        key=notice.key,
    )


def _both(news: Queued, card: Queued, can: Capabilities, *, together: bool) -> Sequence[Parcel]:
    """News and its card: beside each other, so that the words stay when the card is repainted,
    or together.
    """
    retires = card.previous if can.edit else ""
    if not together:
        return (_alone(news), replace(_alone(card), previous="", retires=retires))
    text, mentions = news.notice.text, news.notice.mentions
    pair = (news, card)
    return (Parcel(pair, text, card.notice.card, mentions, retires=retires, key=_key(pair)),)


def _key(notices: Sequence[Queued]) -> str:
    keys = "\n".join(queued.notice.key for queued in notices)
    return f"joint:{hashlib.sha256(keys.encode()).hexdigest()[:32]}"


def _fewer_buttons(card: Card, can: Capabilities, words: Words) -> tuple[Card, list[str]]:
    """The card with the buttons the channel takes; the rest as text commands beneath."""
    most = can.max_buttons if can.buttons else 0
    if len(card.buttons) <= most:
        return card, []
    beneath = command_lines(card.buttons[most:], words.say("delivery.reply"))
    footer = "\n".join(_lines(card.footer, beneath))
    return replace(card, buttons=card.buttons[:most], footer=footer), ["buttons as text commands"]


def _lines(footer: str, beneath: Sequence[str]) -> Iterator[str]:
    if footer:
        yield footer
    yield from beneath
