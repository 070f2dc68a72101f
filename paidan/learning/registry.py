"""The company's models: versions, the journal of which one reads, and where their weights lie.

The journal in the database is the truth; every process follows it, so a promotion or a rollback
takes effect wherever it was asked for.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from nlp import Understander
from nlp.heads.model import Model
from storage import SqlStore
from workflow.errors import InvalidInput
from workflow.learning import ModelMove, ModelVersion
from workflow.ports import UnitOfWork

MIME: Final = "application/x-paidan-model"
SHIPPED: Final = ""
"""The name of the shipped model in the journal."""


@dataclass(frozen=True, slots=True)
class Standing:
    """All versions, newest first, the one that reads (empty: the shipped one), and the journal."""

    versions: tuple[ModelVersion, ...]
    current: str
    moves: tuple[ModelMove, ...]


class Registry:
    """The models of one tenant.

    Args:
        store: Where journal and weights are.
        tenant: Whose.
        shipped: The reader everybody starts with; a version that stands on another shipped model
            is kept for the record but does not read.
        folder: Where fetched weights are put for the next start.
    """

    def __init__(self, store: SqlStore, tenant: str, shipped: Understander, folder: Path) -> None:
        self.store = store
        self.tenant = tenant
        self.shipped = shipped
        self._folder = folder

    async def standing(self) -> Standing:
        """What there is and what reads."""

        def query(uow: UnitOfWork) -> Standing:
            models = uow.models
            return Standing(tuple(models.versions()), models.current(), tuple(models.moves()))

        return await self.store.read(self.tenant, query)

    async def current(self) -> str:
        """The name of the version that should read now; the shipped one where it cannot."""

        def query(uow: UnitOfWork) -> str:
            name = uow.models.current()
            version = uow.models.get(name) if name else None
            return name if version is not None and self.fits(version) else SHIPPED

        return await self.store.read(self.tenant, query)

    def fits(self, version: ModelVersion) -> bool:
        """Whether it was made on the shipped model of this very program."""
        return version.base == self.shipped.model.name

    async def reader(self, name: str) -> Understander:
        """The reader of a version.

        Raises:
            InvalidInput: there is none of this name, or its weights are gone.
        """
        if name == SHIPPED:
            return self.shipped
        version = await self.store.read(self.tenant, lambda uow: uow.models.get(name))
        if version is None:
            raise InvalidInput(field="model", found=name, allowed=await self._names())
        path = self._folder / f"own-{name}.npz"
        if not path.exists():
            await self._fetch(version, path)
        return self.shipped.with_model(await asyncio.to_thread(Model.load, path))

    async def keep(self, version: ModelVersion, model: Model) -> ModelVersion:
        """Store weights and version."""
        data = await asyncio.to_thread(_bytes_of, model)
        blob = await self.store.blobs.put(data, MIME)
        kept = ModelVersion(version.name, version.base, version.made_at, blob, version.report)
        await self.store.transact(self.tenant, lambda uow: uow.models.put(kept))
        return kept

    async def note(self, move: ModelMove, *, only_if: str | None = None) -> bool:
        """Write a line of the journal; with ``only_if``, only while that one still reads."""

        def write(uow: UnitOfWork) -> bool:
            if only_if is not None and uow.models.current() != only_if:
                return False
            uow.models.note(move)
            return True

        return await self.store.transact(self.tenant, write)

    async def promote(self, wanted: str, by: str, at: datetime, why: str = "") -> ModelMove:
        """Let a version read, by its name or the beginning of it; ``shipped`` is the shipped one.

        Raises:
            InvalidInput: no such version, it reads already, or it stands on an older program.
        """
        standing = await self.standing()
        name = SHIPPED if wanted == "shipped" else self._named(wanted, standing)
        if name == standing.current:
            raise InvalidInput("model_reads_already", field="model", found=wanted)
        move = ModelMove(at, "promoted", name, standing.current, by, why)
        await self.note(move)
        return move

    async def roll_back(self, by: str, at: datetime, why: str = "") -> ModelMove:
        """Let the version read that read before.

        Raises:
            InvalidInput: nothing was promoted yet.
        """
        standing = await self.standing()
        usable = {v.name for v in standing.versions if self.fits(v)} | {SHIPPED}
        before = _before(standing.moves, usable)
        if before is None:
            raise InvalidInput("nothing_to_roll_back", field="model", found=standing.current)
        move = ModelMove(at, "rolled_back", before, standing.current, by, why)
        await self.note(move)
        return move

    async def prune(self, most: int) -> Sequence[str]:
        """Drop the oldest versions beyond ``most``, never the one that reads; their names."""
        standing = await self.standing()
        rest = [v for v in standing.versions if v.name != standing.current]
        room = most - (len(standing.versions) - len(rest))
        dropped = rest[max(room, 0) :]
        for version in dropped:
            await self.store.transact(self.tenant, _dropping(version.name))
            await self.store.blobs.drop(version.blob)
            (self._folder / f"own-{version.name}.npz").unlink(missing_ok=True)
        return [version.name for version in dropped]

    def _named(self, wanted: str, standing: Standing) -> str:
        fitting = [v for v in standing.versions if wanted and v.name.startswith(wanted)]
        if len(fitting) != 1:
            names = " / ".join(v.name for v in standing.versions) or "shipped"
            raise InvalidInput(field="model", found=wanted, allowed=names)
        if not self.fits(fitting[0]):
            raise InvalidInput("model_outdated", field="model", found=fitting[0].name)
        return fitting[0].name

    async def _names(self) -> str:
        standing = await self.standing()
        return " / ".join(version.name for version in standing.versions) or "shipped"

    async def _fetch(self, version: ModelVersion, path: Path) -> None:
        found = await self.store.blobs.get(version.blob)
        if found is None:
            raise InvalidInput(field="model", found=version.name, allowed="a version with weights")
        await asyncio.to_thread(_write, path, found[0])


def _before(moves: Sequence[ModelMove], usable: set[str]) -> str | None:
    """Who read before: each promotion is laid on a pile, each rollback takes one off."""
    pile = [SHIPPED]
    for move in reversed(moves):
        if move.act == "promoted":
            pile.append(move.model)
        elif move.act == "rolled_back" and len(pile) > 1:
            pile.pop()
            while len(pile) > 1 and pile[-1] != move.model:
                pile.pop()
    below = [name for name in pile[:-1] if name in usable and name != pile[-1]]
    return below[-1] if below else None


def _dropping(name: str) -> Callable[[UnitOfWork], None]:
    return lambda uow: uow.models.drop(name)


def _bytes_of(model: Model) -> bytes:
    with tempfile.TemporaryDirectory(prefix="paidan-model-") as folder:
        path = Path(folder) / "model.npz"
        model.save(path)
        return path.read_bytes()


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        file.write(data)
    Path(file.name).replace(path)
