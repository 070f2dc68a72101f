"""Training the spoken table in a process of its own, beside the others, on the second core.

    python -m nlp.heads.apart FOLDER

A program run by itself, not a forked worker: who starts it need not guard its main module, and
liblinear, whose chance is one for the whole process, gives the same table as it does alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nlp.heads.loading import kept_spoken, load_or_train_spoken


@contextmanager
def spoken_beside(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """While the block runs, the spoken table is trained beside it, if it is not there yet and there
    is a second core. If that fails, nobody is the worse: the table is still missing then, and
    whoever needs it trains it.
    """
    if (os.cpu_count() or 1) == 1 or kept_spoken(folder).exists():
        yield
        return
    try:
        child = _started(folder)
    except OSError:
        yield
        return
    try:
        yield
        told, _ = child.communicate()
    except BaseException:
        child.kill()
        child.communicate()
        raise
    for line in told.splitlines():
        say(line)


def _started(folder: Path) -> subprocess.Popen[str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(  # noqa: S603  (our own interpreter and module)
        [sys.executable, "-m", __name__, str(folder)],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def main() -> None:
    """Train and keep the spoken table of the shipped corpus, telling how far it is."""

    def say(line: str) -> None:
        sys.stdout.buffer.write(f"{line}\n".encode())

    load_or_train_spoken(Path(sys.argv[1]), say)


if __name__ == "__main__":
    main()
