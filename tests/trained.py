"""The models that all tests read with, kept between runs; their names say what they learnt from."""

from __future__ import annotations

import os
from pathlib import Path

from nlp.entities.loading import load_or_train as load_or_train_tagger
from nlp.heads.loading import load_or_train, load_or_train_spoken
from nlp.sameness import load_or_teach

FOLDER = Path(__file__).parents[1] / "var" / "test-model"


def train() -> None:
    """Make what is missing. Of two workers that come at once one begins at the other end, so that
    neither waits for long.
    """
    steps = [_reports, _tagger, _spoken]
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0")[-1] in "13579":
        steps.reverse()
    for make in steps:
        make()


def _reports() -> None:
    load_or_teach(FOLDER, load_or_train(FOLDER))


def _tagger() -> None:
    load_or_train_tagger(FOLDER, lambda _: None)


def _spoken() -> None:
    load_or_train_spoken(FOLDER)
