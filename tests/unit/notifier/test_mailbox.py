from __future__ import annotations

from dataclasses import replace
from typing import Any

from notice_stage import MORNING, chat

from bots.channel import Capabilities
from notifier.mailbox import Parcel, digest, fit, nothing_to_show, parcels, retired
from notifier.wording import Words
from workflow.kept import Queued
from workflow.records import Action, Button, Card, Media, Notice, Outgoing, Urgency

RICH = Capabilities(
    groups=True, buttons=True, cards=True, edit=True, mentions=True, pictures=True, max_buttons=12
)
WORDS = Words("zh_CN", "Asia/Shanghai", MORNING)
CARD = Card(
    "card:o1:team",
    "P1 电梯 · WO-1",
    "待接单",
    fields=(("位置", "3 号楼"),),
    steps=(("待接单", "now"),),
    buttons=tuple(
        Button(label, Action(do, "o1"), command=f"{label} 1")
        for label, do in (("接单", "accept"), ("拒单", "decline"), ("转派", "reassign"))
    ),
    media=(Media("image"),),
)


def queued(number: int, urgency: Urgency, previous: str = "", **more: Any) -> Queued:
    facts: dict[str, Any] = {
        "key": f"k{number}",
        "kind": "news",
        "to": chat("g", "group"),
        "text": f"第 {number} 条",
        "why": "test",
        "order_id": "o1",
    }
    return Queued(
        number, "demo", Notice(urgency=urgency, **{**facts, **more}), MORNING, previous=previous
    )


def card(number: int, previous: str = "", **more: Any) -> Queued:
    facts = {"kind": "card", "topic": CARD.key, "card": CARD}
    return queued(number, Urgency.CARD, previous, **{**facts, **more})


def test_the_most_urgent_leaves_first_then_the_oldest() -> None:
    box = [
        queued(1, Urgency.INFO),
        queued(2, Urgency.REPLY),
        queued(3, Urgency.RED),
        queued(4, Urgency.REPLY),
    ]
    assert [p.notices[0].id for p in parcels(box, RICH)] == [3, 2, 4, 1]


def test_a_card_new_to_the_chat_comes_right_after_its_news() -> None:
    box = [queued(1, Urgency.REPLY, mentions=("wang",)), card(3), queued(2, Urgency.REPLY)]
    first, second, third = parcels(box, RICH)
    assert (first.text, first.card, first.mentions) == ("第 1 条", None, ("wang",))
    assert (second.card, second.previous) == (CARD, "")
    assert third.text == "第 2 条"


def test_where_cards_cannot_be_repainted_news_and_card_are_one_message() -> None:
    stiff = replace(RICH, edit=False)
    (parcel,) = parcels([queued(1, Urgency.REPLY, mentions=("wang",)), card(2)], stiff)
    assert (parcel.text, parcel.card, parcel.mentions) == ("第 1 条", CARD, ("wang",))
    assert [q.id for q in parcel.notices] == [1, 2]


def test_where_cards_cannot_be_repainted_each_news_brings_what_can_be_done_now() -> None:
    stiff = replace(RICH, edit=False)
    (parcel,) = parcels([queued(1, Urgency.REPLY), card(2, "old")], stiff)
    assert (parcel.text, parcel.card, parcel.previous, parcel.retires) == ("第 1 条", CARD, "", "")


def test_a_chat_that_takes_few_messages_gets_news_and_card_in_one() -> None:
    box = [queued(1, Urgency.RED), card(2, "old")]
    (parcel,) = parcels(box, RICH, sparing=True)
    assert (parcel.text, parcel.card, parcel.retires) == ("第 1 条", CARD, "old")


def test_a_card_that_is_there_is_repainted_beside_calm_news() -> None:
    first, second = parcels([queued(1, Urgency.REPLY), card(2, "old")], RICH)
    assert (first.card, first.text) == (None, "第 1 条")
    assert (second.card, second.previous) == (CARD, "old")


def test_urgent_news_brings_a_fresh_card_and_retires_the_old_one() -> None:
    first, fresh = parcels([queued(1, Urgency.ESCALATION), card(2, "old")], RICH)
    assert first.card is None
    assert (fresh.card, fresh.previous, fresh.retires) == (CARD, "", "old")
    old = retired(fresh, "demo", WORDS)
    assert old.previous == "old"
    assert old.card is not None
    assert (old.card.title, old.card.buttons) == (CARD.title, ())


def test_a_card_goes_with_one_piece_of_news_of_its_own_work_order_only() -> None:
    box = [
        queued(1, Urgency.REPLY),
        queued(2, Urgency.REPLY),
        queued(3, Urgency.REPLY, order_id="o2"),
        card(4),
    ]
    assert [p.notices[0].id for p in parcels(box, RICH)] == [1, 4, 2, 3]


def test_the_same_parcel_has_the_same_key() -> None:
    box, stiff = [queued(1, Urgency.REPLY), card(2)], replace(RICH, edit=False)
    assert parcels(box, stiff)[0].key == parcels(box, stiff)[0].key
    assert parcels(box, RICH)[0].key == "k1"


def test_a_digest_keeps_every_line_and_every_mention() -> None:
    several = parcels([queued(n, Urgency.REMINDER, mentions=(f"u{n}",)) for n in (1, 2, 3)], RICH)
    merged = digest(several, WORDS)
    assert merged.text.splitlines() == ["合并 3 条：", "· 第 1 条", "· 第 2 条", "· 第 3 条"]
    assert merged.mentions == ("u1", "u2", "u3")
    assert [q.id for q in merged.notices] == [1, 2, 3]


def test_without_cards_a_card_is_text_with_commands() -> None:
    poor = Capabilities(groups=True)
    outgoing, lost = fit(
        Outgoing("demo", chat("g", "group"), "摘要", "k", CARD, ("w",)), poor, WORDS
    )
    assert outgoing.card is None
    assert outgoing.mentions == ()
    assert "回复「接单 1」：接单" in outgoing.text
    assert "3 号楼" in outgoing.text
    assert "card as text" in lost
    assert "without @" in lost


def test_too_many_buttons_become_commands_beneath() -> None:
    few = replace(RICH, max_buttons=1, pictures=False)
    outgoing, lost = fit(Outgoing("demo", chat("g", "group"), "", "k", CARD), few, WORDS)
    assert outgoing.card is not None
    assert len(outgoing.card.buttons) == 1
    assert "回复「拒单 1」：拒单" in outgoing.card.footer
    assert outgoing.card.media == ()
    assert "buttons as text commands" in lost


def test_a_card_that_cannot_change_comes_anew_for_its_buttons() -> None:
    stiff = replace(RICH, edit=False)
    again = Parcel((card(1, "old"),), "摘要", CARD, previous="old", key="k")
    outgoing, _ = fit(again.outgoing("demo", again.lead.to), stiff, WORDS)
    assert (outgoing.card and outgoing.card.title, outgoing.previous) == (CARD.title, "")
    bare = replace(again, card=replace(CARD, buttons=()))
    outgoing, _ = fit(bare.outgoing("demo", bare.lead.to), stiff, WORDS)
    assert (outgoing.card, outgoing.text) == (None, "摘要")


def test_where_cards_cannot_change_a_group_gets_the_line_and_a_person_nothing() -> None:
    stiff = replace(RICH, edit=False, buttons=False)
    group = Parcel((card(1, "old"),), "摘要", CARD, previous="old", key="k")
    assert not nothing_to_show(group, stiff)
    outgoing, _ = fit(group.outgoing("demo", group.lead.to), stiff, WORDS)
    assert (outgoing.card, outgoing.text, outgoing.previous) == (None, "摘要", "")
    direct = Parcel((card(1, "old", to=chat("p")),), "摘要", CARD, previous="old", key="k")
    assert nothing_to_show(direct, stiff)


def test_a_farewell_is_only_for_a_card_that_is_there() -> None:
    gone = Parcel((card(1, kind="repaint"),), "摘要", CARD, key="k")
    assert nothing_to_show(gone, RICH)
    there = Parcel((card(1, "old", kind="repaint"),), "摘要", CARD, previous="old", key="k")
    assert not nothing_to_show(there, RICH)
