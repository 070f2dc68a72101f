"""One trained reader for all tests of understanding, kept between runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlp import Understander

FOLDER = Path(__file__).parents[3] / "var" / "test-model"
"""Where the scenarios keep theirs too; its file names say what it was trained on."""


@pytest.fixture(scope="session")
def understander() -> Understander:
    return Understander.load(FOLDER)
