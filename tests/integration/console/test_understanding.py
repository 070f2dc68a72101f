"""The page on which people see what was misread, put it right with a tap, and choose the model."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from nlp import Understander
from paidan.compose import Parts
from paidan.console.services import Services
from paidan.learning.desk import LearningDesk
from paidan.learning.drift import Promise
from paidan.learning.registry import Registry
from tests.integration.console.conftest import TENANT, Browser, serving
from workflow.learning import HEADS, ModelMove, ModelVersion

DOUBTFUL = "机房里头滴答滴答的不知道啥"
FIGURES = {"messages": 100, "sure": dict.fromkeys(HEADS, 0.9), "doubtful": 0.1, "strange": 0.0}


@pytest.fixture
async def desk(parts: Parts, understander: Understander, tmp_path: Path) -> LearningDesk:
    registry = Registry(parts.store, TENANT, understander, tmp_path / "models")
    desk = LearningDesk(registry, lambda: parts.clock.now(TENANT))
    # Measuring it takes a second of every test; what is promised is tried in test_drift.
    desk._promises = {"": Promise(FIGURES, {head: {} for head in HEADS})}
    return desk


@pytest.fixture
async def taught(services: Services, desk: LearningDesk) -> AsyncIterator[Browser]:
    """A browser at a console that keeps models."""
    async with serving(replace(services, learning=desk)) as browser:
        yield browser


async def report(browser: Browser, text: str) -> None:
    await browser.see("/sandbox")
    form = {"chat": "customer:c03", "sender": "c03", "text": text}
    assert (await browser.post("/sandbox/say", form)).status in {200, 303}


def presses(text: str, do: str) -> list[dict[str, str]]:
    """The forms of a page that press this."""
    forms = re.findall(r"<form method=\"post\" action=\"/act\".*?</form>", text, re.DOTALL)
    fields = [dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) for form in forms]
    return [{k: html.unescape(v) for k, v in f.items()} for f in fields if f.get("do") == do]


async def test_a_tap_puts_it_right_and_another_takes_it_back(taught: Browser, parts: Parts) -> None:
    await report(taught, DOUBTFUL)
    await taught.sign_in("zhoulan")
    page = await taught.until("/understanding", DOUBTFUL)
    chips = presses(page, "reading_correct")
    chip = next(c for c in chips if json.loads(c["args"])["label"] == "plumbing")
    assert (await taught.post("/act", chip)).status == 303
    page = await taught.until("/understanding", "最近改判")
    assert not presses(page, "reading_correct"), "reviewed, so it waits no more"
    assert "给排水" in page
    (undo,) = presses(page, "reading_undo")
    assert (await taught.post("/act", undo)).status == 303
    page = await taught.until("/understanding", "还没有人改判过")
    assert presses(page, "reading_correct")
    assert await parts.store.read(TENANT, lambda uow: list(uow.readings.corrections())) == []


async def test_engineers_do_not_see_it_and_supervisors_change_no_model(taught: Browser) -> None:
    await taught.sign_in("wanglei")
    await taught.see("/understanding", status=403)
    await taught.sign_in("zhoulan")
    page = await taught.see("/understanding")
    assert "/understanding/model" not in page
    refused = await taught.post("/understanding/model", {"do": "promote", "model": "shipped"})
    assert refused.status == 403


async def test_an_admin_promotes_and_rolls_back_and_it_stands_in_the_journal(
    taught: Browser, parts: Parts, desk: LearningDesk
) -> None:
    now = parts.clock.now(TENANT)
    base = desk.registry.shipped.model.name
    exam = dict.fromkeys(HEADS, 0.9)
    version = ModelVersion("abc123", base, now, "", {"exam": exam, "taught": 3, "reasons": []})
    old = replace(version, name="old456", base="another")

    def put(uow):  # type: ignore[no-untyped-def]
        for one in (version, old):
            uow.models.put(one)
            uow.models.note(ModelMove(now, "made", one.name, "", "system"))

    await parts.store.transact(TENANT, put)
    await taught.sign_in("linyue")
    desk._promises["abc123"] = desk._promises[""]
    page = await taught.see("/understanding")
    assert "影子" in page
    assert "旧程序的" in page
    form = {"do": "promote", "model": "abc123", "why": "试一周"}
    assert (await taught.post("/understanding/model", form)).status == 303
    assert (await desk.standing()).current == "abc123"
    outdated = {"do": "promote", "model": "old456"}
    assert (await taught.post("/understanding/model", outdated)).status == 422
    assert (await taught.post("/understanding/model", {"do": "rollback"})).status == 303
    standing = await desk.standing()
    assert standing.current == ""
    assert [(m.act, m.by, m.why) for m in standing.moves[:2]] == [
        ("rolled_back", "linyue", ""),
        ("promoted", "linyue", "试一周"),
    ]
    page = await taught.see("/understanding")
    assert "林悦" in page
    assert "试一周" in page


async def test_a_head_that_is_none_is_refused(taught: Browser) -> None:
    await taught.sign_in("zhoulan")
    await taught.see("/understanding?head=colour", status=422)
