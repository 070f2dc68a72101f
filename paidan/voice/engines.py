"""Recognition engines: from a stretch of speech to what is probably said in it.

``sense_voice`` and ``paraformer`` run in sherpa-onnx, ``whisper`` in faster-whisper. Why these:
``docs/adr/0005-voice.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from paidan.voice.section import Voice
from paidan.voice.sound import RATE, Samples

LEADS: Final[Mapping[str, str]] = {
    "zh": "以下是普通话的报修留言，请用简体字。",
    "yue": "以下系粤语嘅报修留言。",
}
"""What Whisper is told before it listens; without it, it writes what characters it pleases."""
PROMPT: Final = 160
"""Characters of names it is told: half of what it can keep in mind."""
_NO_SPEECH: Final = 0.6
_LEAST_LIKELY: Final = -1.0
_MOST_REPEATING: Final = 2.4
"""Whisper's own thresholds (transcribe.py): no speech, average log probability, compression."""
_LONGEST: Final = 220
"""Tokens of an answer: thirty seconds of quick speech."""


class Engine(Protocol):
    """Puts speech into words. ``lead`` is the sentence it is prompted with, if any."""

    lead: str

    def hear(self, speech: Samples, names: Sequence[str]) -> str:
        """What is said; ``names`` may occur in it."""
        ...


def open_engine(voice: Voice, files: Mapping[str, Path]) -> Engine:
    """The engine the settings ask for, its model loaded.

    Args:
        voice: The settings.
        files: What of the model's folder it needs (:func:`paidan.voice.equipment.files`).
    """
    if voice.engine == "whisper":
        return Whisper(voice, files["model"].parent)
    return Sherpa(voice, files["model"], files["tokens"])


class Whisper:
    """Any multilingual Whisper in CTranslate2's format."""

    def __init__(self, voice: Voice, folder: Path) -> None:
        from faster_whisper import WhisperModel  # noqa: PLC0415 - only in its own process

        self.lead = LEADS.get(voice.language, "")
        self._language = None if voice.language == "auto" else voice.language
        self._model = WhisperModel(
            str(folder),
            device="cpu",
            compute_type="int8",
            cpu_threads=voice.threads,
            local_files_only=True,
        )

    def hear(self, speech: Samples, names: Sequence[str]) -> str:
        """Once, at temperature 0: trying again warmer takes half a minute and invents."""
        found, _ = self._model.transcribe(
            _floats(speech),
            language=self._language,
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            max_new_tokens=_LONGEST,
            initial_prompt=self.lead + mention(names) if self.lead else None,
        )
        return "".join(piece.text for piece in found if _credible(piece)).strip()


class Sherpa:
    """SenseVoice or Paraformer: the whole clip in one pass, which cannot run on by itself. Names
    cannot be told to it; what it mishears of them is mended when the words are read.
    """

    lead = ""

    def __init__(self, voice: Voice, model: Path, tokens: Path) -> None:
        import sherpa_onnx  # noqa: PLC0415 - only in its own process

        recognizer = sherpa_onnx.OfflineRecognizer
        common: dict[str, Any] = {"tokens": str(tokens), "num_threads": voice.threads}
        self._recognizer = (
            recognizer.from_paraformer(paraformer=str(model), **common)
            if voice.engine == "paraformer"
            else recognizer.from_sense_voice(
                model=str(model), language=voice.language, use_itn=True, **common
            )
        )

    def hear(self, speech: Samples, names: Sequence[str]) -> str:  # noqa: ARG002 - see the class
        """One pass."""
        stream = self._recognizer.create_stream()
        stream.accept_waveform(RATE, _floats(speech))
        self._recognizer.decode_stream(stream)
        return str(stream.result.text).strip()


def mention(names: Sequence[str]) -> str:
    """A sentence with as many names as Whisper can keep in mind."""
    told: list[str] = []
    for name in names:
        if sum(map(len, told)) + len(told) + len(name) <= PROMPT:
            told.append(name)
    return f"可能提到：{'、'.join(told)}。" if told else ""


def _floats(speech: Samples) -> Any:
    return speech.astype(np.float32) / 32_768


def _credible(piece: Any) -> bool:
    """Not what Whisper itself takes for silence, a guess, or going round in circles."""
    unsure = piece.avg_logprob < _LEAST_LIKELY
    silent = piece.no_speech_prob > _NO_SPEECH
    return not unsure and not silent and piece.compression_ratio <= _MOST_REPEATING
