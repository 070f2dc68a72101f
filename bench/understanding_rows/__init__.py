"""What is measured of the understanding, one module a family of rows.

A family is a module here with ``figures(sources) -> Iterator[Figure]``; add its name to
:data:`FAMILIES` and ``bench/understanding.py`` runs it, prints it and writes it down. It raises
:class:`~.shape.Missing` when its data is not there (the row is skipped and says so) and
:class:`~.shape.BadFile` when a file is not what it should be.
"""

from __future__ import annotations

from typing import Final

FAMILIES: Final = ("pairs", "cic", "spans", "own", "voice", "sentiment", "ict", "car")
"""Families that may share the machine, the longest first."""
ALONE: Final = ("speed",)
"""Families that measure time, run one after another with nothing beside them."""
