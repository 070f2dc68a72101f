"""Trained things kept on disk: arrays in one file, whole or not at all, nothing executed."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from nlp import corpus, lexicon

Arrays = Mapping[str, npt.NDArray[Any]]
Kept = TypeVar("Kept")

_FORMAT = 1
_HERE = Path(__file__).parent


def write(path: Path, arrays: Arrays) -> None:
    """Write the arrays whole or not at all: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # names are ours, none is allow_pickle
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def read(path: Path, make: Callable[[Arrays], Kept]) -> Kept:
    """What ``make`` makes of the arrays of a file. Nothing in the file is executed.

    Raises:
        OSError: the file is missing or cannot be read.
        ValueError: it is damaged or something else.
    """
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as stored:
                return make(stored)
        except (EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: not a whole model: {error!r}") from error


def digest(examples: Sequence[corpus.Example], code: Iterable[str]) -> str:
    """A short hash of all a model depends on: examples, word lists, and our own modules (paths
    inside ``nlp``).
    """
    told = hashlib.sha256(f"{_FORMAT} {corpus.digest(tuple(examples))}".encode())
    for path in [*sorted(lexicon.FOLDER.glob("*.txt")), *(_HERE / name for name in code)]:
        told.update(path.read_bytes())
    return told.hexdigest()[:16]


def read_or_make(
    path: Path,
    read_it: Callable[[Path], Kept],
    make: Callable[[], Kept],
    save: Callable[[Kept, Path], None],
    say: Callable[[str], None],
) -> Kept:
    """What the file holds if it is there and sound; else made anew and kept there.

    Several processes may do this at once; each writes a whole file and the last one stays.
    """
    try:
        return read_it(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        say(f"{path.name} cannot be read ({error}); training again")
    made = make()
    save(made, path)
    return made
