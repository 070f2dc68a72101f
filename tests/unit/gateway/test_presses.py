"""A button survives the short string a platform carries."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bots.gateway.presses import Asked, Presses
from workflow.records import Action, Button

ORDER = "01M89K0H7GGYX2M2H8ADN74PJY"


class Memory:
    """Notes in memory, for ever."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.kept.get(key)

    async def put(self, key: str, value: str, life: timedelta | None = None) -> None:  # noqa: ARG002
        self.kept[key] = value

    async def swap(
        self,
        key: str,
        old: str | None,
        new: str,
        life: timedelta | None = None,  # noqa: ARG002
    ) -> bool:
        if self.kept.get(key) != old:
            return False
        self.kept[key] = new
        return True

    async def drop(self, key: str, old: str | None = None) -> None:  # noqa: ARG002
        self.kept.pop(key, None)


@pytest.mark.parametrize(
    "action",
    [
        Action("accept", ORDER, "dispatched", 3),
        Action("accept", ORDER),
        Action("change_priority", ORDER, "awaiting_acceptance", 12, {"priority": "P0"}),
        Action("undo_join", ORDER, "new", 0, {"reporter": "telegram:很长的键" * 9}),
    ],
)
async def test_what_is_pressed_is_what_was_painted(action: Action) -> None:
    presses = Presses(Memory(), 64)
    key = await presses.key(Button("好", action))
    assert key.isascii()
    assert len(key) <= 64
    assert await presses.read(key) == action


async def test_a_plain_button_needs_no_note() -> None:
    memory = Memory()
    await Presses(memory, 64).key(Button("接单", Action("accept", ORDER, "dispatched", 3)))
    assert memory.kept == {}


async def test_a_button_that_asks_offers_its_choices() -> None:
    presses = Presses(Memory(), 64)
    action = Action("decline", ORDER, "dispatched", 1)
    button = Button(
        "拒单", action, ask="reason", choices=(("busy", "手上有单"),), command="拒单 7 原因"
    )
    asked = await presses.read(await presses.key(button))
    assert isinstance(asked, Asked)
    (choice,) = asked.buttons()
    assert (choice.label, choice.action.args) == ("手上有单", {"reason": "busy"})
    assert asked.command == "拒单 7 原因"


@pytest.mark.parametrize(
    "key",
    ["", "s:", "s:accept", "s:accept::x:1", "s:a:b:c:d", "n:", "n:../x", "n:ff", "x:1", "接单"],
)
async def test_a_foreign_string_is_nothing(key: str) -> None:
    assert await Presses(Memory(), 64).read(key) is None
