"""One retraining: a candidate from corpus and corrections, tried, kept, and promoted if better."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nlp import learning
from nlp.corpus import Example
from paidan.learning.registry import SHIPPED, Registry
from workflow.learning import ModelMove, ModelVersion
from workflow.records import Facts

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: ``model`` is empty when there was nothing new to learn."""

    model: str = ""
    promoted: bool = False
    taught: int = 0
    fresh: int = 0
    verdict: Facts | None = None


async def retrain(
    registry: Registry,
    now: datetime,
    say: Callable[[str], None],
    *,
    keep: int = 5,
    by: str = SYSTEM,
    rows: Sequence[Example] | None = None,
    asked: Sequence[Example] | None = None,
) -> Outcome:
    """Train, judge, keep; promote only if better. Takes minutes of processor time: run it in a
    process of its own.

    Args:
        registry: The company's models.
        now: The time it is noted under.
        say: Told how far it is.
        keep: How many versions are kept.
        by: Who asked for it.
        rows: The corpus (by default the shipped one).
        asked: The frozen exam (by default the shipped one).
    """
    name, written = await registry.current(), await _written(registry)
    current = await registry.reader(name)
    said = await registry.store.read(registry.tenant, lambda uow: uow.readings.corrections())
    trained = await asyncio.to_thread(
        lambda: learning.retrain(said, current, say, rows=rows, asked=asked)
    )
    if trained is None:
        return Outcome()
    report = {
        **trained.verdict.facts(),
        "taught": trained.taught,
        "fresh": trained.fresh,
        "compared_with": name,
        "figures": trained.model.about["figures"],
        "examples": trained.model.about["examples"],
    }
    base = registry.shipped.model.name
    version = ModelVersion(trained.model.name, base, now, "", report)
    await registry.keep(version, trained.model)
    await registry.note(ModelMove(now, "made", version.name, name, by))
    why = trained.verdict.reasons[0][0]
    promoted = trained.verdict.better and await registry.note(
        ModelMove(now, "promoted", version.name, name, by, why), only_if=written
    )
    if not promoted:
        why = why if not trained.verdict.better else "moved_on"
        await registry.note(ModelMove(now, "kept_as_shadow", version.name, name, by, why))
    await registry.prune(keep)
    return Outcome(version.name, promoted, trained.taught, trained.fresh, report)


async def _written(registry: Registry) -> str:
    """What the journal itself says reads; a version of an older program counts as itself."""
    return await registry.store.read(registry.tenant, lambda uow: uow.models.current()) or SHIPPED
