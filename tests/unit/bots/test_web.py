"""The pages' protocol: strict about what it reads, indifferent to what it does not know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scene import NOW, inbound, order, pressed

from bots.web import line, parse
from workflow.errors import InvalidInput
from workflow.records import Action, Inbound

GOOD: dict[str, Any] = {"id": "1", "chat": "customer:c01", "sender": "c01", "text": "空调不制冷"}

DEEP: list[object] = [[[[]]]]
MANY = dict.fromkeys("abcdefghijklmnopqrstu", 1)


def read(payload: object) -> Inbound:
    return parse(payload, tenant="demo", channel="sandbox", now=NOW)


def test_a_message_becomes_an_inbound() -> None:
    message = read(
        {**GOOD, "sender_name": "刘女士", "asset": "a01", "mentions": ["u1"], "shoe": 43}
    )
    assert message.dedupe_key == "sandbox:customer:c01:1"
    assert (message.text, message.asset, message.addressed) == ("空调不制冷", "a01", True)
    assert (message.sent_at, message.mentions, message.action) == (NOW, ("u1",), None)
    post = line(message)
    assert post is not None
    assert (post.author_name, post.message, post.direction) == ("刘女士", message.dedupe_key, "in")


def test_a_press_becomes_an_action_and_leaves_no_line() -> None:
    action = {
        "do": "accept",
        "order": "o1",
        "expect": "dispatched",
        "generation": 2,
        "args": {"n": 1},
    }
    message = read({**GOOD, "text": "", "action": action})
    assert message.action == Action("accept", "o1", "dispatched", 2, {"n": 1})
    assert line(message) is None
    assert line(pressed_order()) is None


def pressed_order() -> Inbound:
    return pressed("accept", order(), "wanglei")


def test_in_a_group_only_a_call_addresses_us() -> None:
    group = {**GOOD, "chat": "group:home", "chat_kind": "group"}
    assert not read(group).addressed
    called = read({**group, "text": "@派单 接单 7"})
    assert (called.addressed, called.text) == (True, "接单 7")
    assert read({**group, "mentions": ["paidan"]}).addressed


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ("text", "payload"),
        (None, "payload"),
        ([GOOD], "payload"),
        ({**GOOD, "id": None}, "id"),
        ({**GOOD, "id": ""}, "id"),
        ({**GOOD, "id": "x" * 101}, "id"),
        ({**GOOD, "chat": 5}, "chat"),
        ({**GOOD, "sender": ""}, "sender"),
        ({**GOOD, "chat_kind": "crowd"}, "chat_kind"),
        ({**GOOD, "text": 5}, "text"),
        ({**GOOD, "text": "  "}, "text"),
        ({**GOOD, "text": "坏" * 4001}, "text"),
        ({**GOOD, "mentions": "u1"}, "mentions"),
        ({**GOOD, "mentions": [1]}, "mentions[0]"),
        ({**GOOD, "media": {}}, "media"),
        ({**GOOD, "media": [{"kind": "image"}] * 10}, "media"),
        ({**GOOD, "media": [{"kind": "hologram"}]}, "media[0].kind"),
        ({**GOOD, "media": [{"kind": "file"}, {"kind": "file", "blob": "../x"}]}, "media[1].blob"),
        ({**GOOD, "media": [{"kind": "image", "size": -1}]}, "media[0].size"),
        ({**GOOD, "media": [{"kind": "voice", "transcript": 1}]}, "media[0].transcript"),
        ({**GOOD, "action": "accept"}, "action"),
        ({**GOOD, "action": {"do": "accept"}}, "action.order"),
        ({**GOOD, "action": {"do": "a", "order": "o", "generation": True}}, "action.generation"),
        ({**GOOD, "action": {"do": "a", "order": "o", "args": {"x": {}}}}, "action.args.x"),
        ({**GOOD, "action": {"do": "a", "order": "o", "args": {"x": [1] * 21}}}, "action.args.x"),
        ({**GOOD, "action": {"do": "a", "order": "o", "args": {"x": DEEP}}}, "action.args.x"),
        ({**GOOD, "action": {"do": "a", "order": "o", "args": MANY}}, "action.args"),
    ],
)
def test_what_is_wrong_is_named(payload: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read(payload)
    assert refusal.value.data["field"] == field


def test_a_text_too_long_has_a_code_of_its_own() -> None:
    with pytest.raises(InvalidInput) as refusal:
        read({**GOOD, "text": "坏" * 4001})
    assert (refusal.value.code, refusal.value.data["allowed"]) == ("too_long", 4000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from([*GOOD, "media", "action", "chat_kind", "mentions"]), JSON)
    | JSON
)
def test_no_payload_gets_past_but_as_a_message_or_a_named_refusal(payload: object) -> None:
    try:
        message = read(payload)
    except InvalidInput as refusal:
        assert isinstance(refusal.data["field"], str)  # noqa: PT017  # either way is right
    else:
        assert message.text.strip() or message.media or message.action
        message.text.encode()


def test_half_a_surrogate_is_no_trouble() -> None:
    assert read({**GOOD, "text": "坏了\ud83d\x00"}).text == "坏了?"
    assert inbound("x").text == "x"
