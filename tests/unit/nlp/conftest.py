"""One trained model for all tests of understanding; training takes a few seconds, once."""

from __future__ import annotations

import pytest

from nlp import Understander


@pytest.fixture(scope="session")
def understander(tmp_path_factory: pytest.TempPathFactory) -> Understander:
    return Understander.load(tmp_path_factory.mktemp("models"))
