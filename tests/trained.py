"""The models that all tests read with, kept between runs; their names say what they learnt from."""

from __future__ import annotations

from pathlib import Path

from nlp import Understander

FOLDER = Path(__file__).parents[1] / "var" / "test-model"


def train() -> None:
    """Make what is missing; of workers that come at once each model is made by one."""
    assert Understander.load(FOLDER).same_incident
