"""How voice is put into words, as the settings name it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from paidan.channels.section import Section


class Voice(Section):
    """``model``: the folder of a speech model; without one nobody is asked and clips wait for a
    person. ``engine``: what the model is for. ``seconds``: the longest clip that is put into words.
    ``timeout``: seconds from a clip's arrival to giving up. ``waiting``: clips that may wait at
    once. ``threads``: of the engine.
    """

    engine: Literal["sense_voice", "paraformer", "whisper"] = "sense_voice"
    model: Annotated[Path | None, BeforeValidator(lambda given: given or None)] = None
    language: Literal["zh", "yue", "en", "ja", "ko", "auto"] = "zh"
    seconds: int = Field(default=60, ge=1, le=300)
    timeout: int = Field(default=30, ge=1, le=300)
    waiting: int = Field(default=8, ge=1, le=100)
    threads: int = Field(default=2, ge=1, le=16)

    @property
    def on(self) -> bool:
        """Whether clips are put into words at all."""
        return self.model is not None
