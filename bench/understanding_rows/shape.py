"""The common shape of everything measured: a figure, where its data comes from, what may fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Missing(Exception):
    """The data of a family is not in the folder; the text says which file."""


class BadFile(Exception):
    """A file is not in its format; the text names file, line and what was expected."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What we want to reach and what we must; ``lower`` when less is better (seconds)."""

    bold: float
    minimum: float
    lower: bool = False

    def met(self, value: float) -> str:
        """``bold``, ``minimum`` or ``no``."""
        sign = -1 if self.lower else 1
        if sign * value >= sign * self.bold:
            return "bold"
        return "minimum" if sign * value >= sign * self.minimum else "no"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, with what it is compared to.

    ``name`` is ``family.learnt from.metric`` (``cic.train.macro_f1``); ``on`` the rows it was
    scored on (``dev``, ``test``, ``5 folds`` …) and ``rows`` how many; ``unit`` ``%``, ``µs``,
    ``ms``, ``s`` or empty; ``ci`` the 95 % interval; ``baselines`` what simple means reach on the
    same rows in the same run; ``published`` what others have published; ``bar`` applies only
    where ``on`` is what the bar is about.
    """

    name: str
    ours: float
    on: str
    rows: int
    unit: str = "%"
    ci: tuple[float, float] | None = None
    baselines: Mapping[str, float] = field(default_factory=dict)
    published: Mapping[str, float | str] = field(default_factory=dict)
    bar: Bar | None = None
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "on": self.on,
            "rows": self.rows,
            "unit": self.unit,
            "ours": round(self.ours, 4),
            "ci": self.ci and [round(edge, 4) for edge in self.ci],
            "baselines": {name: round(value, 4) for name, value in self.baselines.items()},
            "published": dict(self.published),
            "bar": self.bar and {"bold": self.bar.bold, "minimum": self.bar.minimum},
            "met": self.bar and self.bar.met(self.ours),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Sources:
    """Where files are: ``data`` holds train and dev parts, ``test`` (if any) the test parts,
    ``labelled`` is a file of messages in our own labels.
    """

    data: Path | None
    test: Path | None = None
    labelled: Path | None = None

    def taught(self, name: str) -> Path:
        """A file to learn from, by its path inside the data folder.

        Raises:
            Missing: there is none.
        """
        if self.data is None:
            raise Missing(f"{name}: no --data folder named")
        path = self.data / name
        if not path.is_file():
            raise Missing(f"no such file: {path}")
        return path

    def kept_aside(self, name: str) -> Path | None:
        """A test file, if a test folder was named and holds it."""
        path = self.test and self.test / name
        return path if path and path.is_file() else None
