"""The decision from its file, or taught once for each set of pairs and each recipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nlp import corpus, pairs, stored
from nlp.heads.model import Model
from nlp.sameness.judge import Comparer, SameIncident
from nlp.sameness.meaning import Meaning
from nlp.sameness.model import PairModel
from nlp.sameness.wording import Wording

_FORMAT = 1
_HERE = Path(__file__).parent
_RULES = Path(__file__).parents[2] / "workflow" / "joining"


def load_or_teach(
    folder: Path, hearing: Model, say: Callable[[str], None] = lambda _: None
) -> SameIncident:
    """The decision for the shipped pairs: from ``folder`` if it is there and sound, else taught
    now (seconds) and kept there. ``hearing`` is the understanding model it listens with.
    """
    return stored.read_or_make(
        kept_in(folder, hearing),
        lambda path: read(path, hearing),
        lambda: _teach(hearing, say),
        save,
        say,
    )


def kept_in(folder: Path, hearing: Model) -> Path:
    """The file of the decision for the shipped pairs."""
    return folder / f"sameness-{_digest(hearing)}.npz"


def save(decision: SameIncident, path: Path) -> None:
    """Write it whole or not at all."""
    rarity = json.dumps(decision.comparer.wording.rarity, ensure_ascii=False).encode()
    tables = {
        **decision.model.tables(),
        **decision.comparer.meaning.tables(),
        "rarity": np.frombuffer(rarity, dtype=np.uint8),
    }
    stored.write(path, tables)


def read(path: Path, hearing: Model) -> SameIncident:
    """The decision of a file. Nothing in it is executed.

    Raises:
        OSError: the file is missing or cannot be read.
        ValueError: it is damaged or something else.
    """

    def of(tables: stored.Arrays) -> SameIncident:
        wording = Wording(json.loads(tables["rarity"].tobytes()), {})
        return SameIncident(Comparer(hearing, Meaning.of(tables), wording), PairModel.of(tables))

    return stored.read(path, of)


def _teach(hearing: Model, say: Callable[[str], None]) -> SameIncident:
    from nlp.sameness.training import teach  # noqa: PLC0415 - scikit-learn costs seconds

    return teach(pairs.load(), [example.text for example in corpus.load()], hearing, say)


def _digest(hearing: Model) -> str:
    """A short hash of all it depends on: pairs, messages, our code, the model it listens with."""
    told = stored.files(pairs.FOLDER), stored.files(corpus.FOLDER)
    digest = hashlib.sha256(f"{_FORMAT} {hearing.name} {' '.join(told)}".encode())
    read_by = Path(pairs.__file__)
    for path in [read_by, *sorted(_HERE.glob("*.*")), *sorted(_RULES.glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
