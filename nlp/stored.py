"""Trained things kept on disk: arrays in one file, whole or not at all, nothing executed."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

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


def digest(examples: Sequence[corpus.Example] | None, code: Iterable[str]) -> str:
    """A short hash of all a model depends on: examples, word lists, and our own modules (paths
    inside ``nlp``). Without examples those shipped are meant, whose files are hashed unread: every
    start asks for this, and parsing them takes a second.
    """
    rows = files(corpus.FOLDER) if examples is None else corpus.digest(tuple(examples))
    told = hashlib.sha256(f"{_FORMAT} {rows}".encode())
    for path in [*sorted(lexicon.FOLDER.glob("*.txt")), *(_HERE / name for name in code)]:
        told.update(path.read_bytes())
    return told.hexdigest()[:16]


def files(folder: Path) -> str:
    """A short hash of the ``*.txt`` of a folder, their names and bytes."""
    told = hashlib.sha256()
    for path in sorted(folder.glob("*.txt")):
        content = path.read_bytes()
        told.update(f"{path.name} {len(content)}\n".encode())
        told.update(content)
    return told.hexdigest()[:16]


def read_or_make(
    path: Path,
    read_it: Callable[[Path], Kept],
    make: Callable[[], Kept],
    save: Callable[[Kept, Path], None],
    say: Callable[[str], None],
) -> Kept:
    """What the file holds if it is there and sound; else made anew and kept there.

    Of several processes that start at once one makes it; the others wait and read. What was made is
    read back too, so that every start holds the very same.
    """
    with suppress(OSError, ValueError):
        return read_it(path)
    with _alone(path, say):
        try:
            return read_it(path)  # another process may have made it meanwhile
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            say(f"{path.name} cannot be read ({error}); training again")
        save(make(), path)
        return read_it(path)  # rounded as on disk: the first start answers as the next ones do


@contextmanager
def _alone(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Only one process makes this file; the lock ends with its process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.stem}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another process is training {path.stem}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
