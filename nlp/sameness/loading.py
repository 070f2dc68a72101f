"""The decision from its file, or taught once for each set of pairs and each recipe."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp import corpus, pairs
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
    path = kept_in(folder, hearing)
    try:
        return read(path, hearing)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        say(f"{path.name} cannot be read ({error}); teaching again")
    from nlp.sameness.training import teach  # noqa: PLC0415 - scikit-learn costs seconds

    taught = teach(pairs.load(), [example.text for example in corpus.load()], hearing, say)
    save(taught, path)
    return taught


def kept_in(folder: Path, hearing: Model) -> Path:
    """The file of the decision for the shipped pairs."""
    return folder / f"sameness-{_digest(pairs.load(), hearing)}.npz"


def save(decision: SameIncident, path: Path) -> None:
    """Write it whole or not at all."""
    rarity = json.dumps(decision.comparer.wording.rarity, ensure_ascii=False).encode()
    tables: Mapping[str, npt.NDArray[Any]] = {
        **decision.model.tables(),
        **decision.comparer.meaning.tables(),
        "rarity": np.frombuffer(rarity, dtype=np.uint8),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **tables)  # type: ignore[arg-type]  # its stubs want a flag's type
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def read(path: Path, hearing: Model) -> SameIncident:
    """The decision of a file. Nothing in it is executed.

    Raises:
        OSError: the file is missing or cannot be read.
        ValueError: it is damaged or something else.
    """
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as stored:
                wording = Wording(json.loads(stored["rarity"].tobytes()), {})
                comparer = Comparer(hearing, Meaning.of(stored), wording)
                return SameIncident(comparer, PairModel.of(stored))
        except (EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: not a whole model: {error!r}") from error


def _digest(chosen: tuple[pairs.Pair, ...], hearing: Model) -> str:
    """A short hash of all it depends on: pairs, our own code, the model it listens with."""
    digest = hashlib.sha256(f"{_FORMAT} {hearing.name} {chosen}".encode())
    for path in [*sorted(_HERE.glob("*.*")), *sorted(_RULES.glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
