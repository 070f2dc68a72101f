"""bench/RESULTS.md: one section a bench, each rewritten by the command it names."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = "# 测得的数字\n\n每一节由它写明的命令生成，可以重跑。\n"


def write(section: str) -> None:
    """Replace the section of this title (its first line), keep the others."""
    old = RESULTS.read_text("utf-8") if RESULTS.exists() else HEAD
    title = section.splitlines()[0]
    parts = [part for part in old.split("\n## ")[1:] if f"## {part}".splitlines()[0] != title]
    text = HEAD + "".join(f"\n## {part.rstrip()}\n" for part in parts) + f"\n{section}"
    RESULTS.write_text(text, "utf-8")


@contextlib.contextmanager
def recorded(title: str, command: str, *, wanted: bool) -> Iterator[None]:
    """What the block prints, shown as it comes and, if wanted, kept as a section."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        yield
    sys.stdout.write(said.getvalue())
    if wanted:
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        write(f"## {title}\n\n`{command}`，{day}。\n\n```text\n{said.getvalue().rstrip()}\n```\n")
