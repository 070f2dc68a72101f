"""People put right what was misread; the house learns it, proves it, reads with it, and goes back.

A small corpus stands in for the shipped one: what is tried here is the loop, not the language.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from nlp import Understander, corpus, exam
from nlp.heads.loading import load_or_train
from paidan.learning.following import Follower
from paidan.learning.registry import Registry
from paidan.learning.retraining import Outcome, retrain
from tests.scenario.conftest import CHIEF, Town, review
from workflow.errors import InvalidInput
from workflow.learning import Correction, Reading


def some(examples: Sequence[corpus.Example], one_in: int) -> tuple[corpus.Example, ...]:
    """A part that stays the same when others write more rows."""
    return tuple(e for e in examples if zlib.crc32(e.text.encode()) % one_in == 0)


ROWS = some(corpus.load(), 12)
ASKED = some(exam.load(), 4)
NICKNAMED = (
    "小蓝又罢工了，门口排长队",
    "小蓝死机了，按什么都没反应",
    "门店的小蓝不动弹了",
    "小蓝今天一直转圈",
    "你们来看看小蓝吧，用不了",
    "二店小蓝坏掉了",
    "小蓝开不了机，急用",
    "小蓝老是自己重启",
    "早上开始小蓝就不行了",
    "小蓝摔了一下没反应了",
    "新换的小蓝也坏了",
    "帮忙修一下小蓝",
)
"""What this company calls its smart ovens; nobody else does."""


@pytest.fixture(scope="module")
def understander(tmp_path_factory: pytest.TempPathFactory) -> Understander:
    return Understander(load_or_train(tmp_path_factory.mktemp("models"), examples=ROWS))


@pytest.fixture
def registry(town: Town, understander: Understander, tmp_path: Path) -> Registry:
    return Registry(town.parts.store, town.tenant, understander, tmp_path / "models")


async def corrections(town: Town) -> Sequence[Correction]:
    found: Sequence[Correction] = await town.read(lambda uow: uow.readings.corrections())
    return found


async def misread(town: Town) -> None:
    """Every nickname is reported in a chat of its own and put right by a supervisor."""
    for n, text in enumerate(NICKNAMED):
        await town.say(f"guest{n}", text, id=f"nick{n}")
        await review(town, "reading_correct", f"sandbox:customer:guest{n}:nick{n}",
                     head="fault_type", label="商用厨房与冷链")  # fmt: skip


async def learnt(town: Town, registry: Registry) -> Outcome:
    now = town.clock.now(town.tenant)
    return await retrain(registry, now, lambda _: None, rows=ROWS, asked=ASKED)


async def heard(town: Town, text: str, who: str) -> str:
    """The fault type that a new message is read as."""
    await town.say(who, text, id=f"try-{who}")
    key = f"sandbox:customer:{who}:try-{who}"
    reading: Reading = await town.read(lambda uow: uow.readings.get(key))
    return reading.fault_type


async def test_corrected_trained_promoted_read_right_and_rolled_back(
    town: Town, registry: Registry
) -> None:
    await misread(town)
    said = await corrections(town)
    assert {c.message for c in said} == {
        f"sandbox:customer:guest{n}:nick{n}" for n in range(len(NICKNAMED))
    }
    assert all(c.now == "kitchen" and c.by == CHIEF and c.model for c in said)
    before = await heard(town, "小蓝黑屏了", "before")
    assert before != "kitchen"

    outcome = await learnt(town, registry)
    assert outcome.promoted, outcome.verdict
    assert outcome.taught == len(NICKNAMED)
    follower = Follower(registry, town.parts.reader)
    assert await follower.follow()
    assert await heard(town, "小蓝黑屏了", "after") == "kitchen"

    assert (await learnt(town, registry)).model == "", "nothing new, nothing to learn"
    move = await registry.roll_back("linyue", town.clock.now(town.tenant))
    assert (move.before, move.model) == (outcome.model, "")
    assert await follower.follow()
    assert await heard(town, "小蓝黑屏了", "again") == before
    with pytest.raises(InvalidInput, match="nothing_to_roll_back"):
        await registry.roll_back("linyue", town.clock.now(town.tenant))
    acts = [move.act for move in (await registry.standing()).moves]
    assert acts == ["rolled_back", "promoted", "made"]


async def test_nonsense_is_learnt_by_no_reader(town: Town, registry: Registry) -> None:
    """Somebody who labels at random proves nothing: the candidate stays a shadow."""
    wrong = ("elevator", "kitchen", "structure", "network")
    for n, text in enumerate(("空调不制冷", "马桶堵了", "插座没电", "电脑蓝屏")):
        await town.say(f"guest{n}", text, id=f"odd{n}")
        message = f"sandbox:customer:guest{n}:odd{n}"
        await review(town, "reading_correct", message, head="fault_type", label=wrong[n])
    outcome = await learnt(town, registry)
    assert outcome.model
    assert not outcome.promoted
    assert (await registry.standing()).current == ""
    assert [move.act for move in (await registry.standing()).moves] == ["kept_as_shadow", "made"]
