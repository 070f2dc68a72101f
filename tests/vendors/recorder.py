"""A recorder of voice clips, as telephones make them: with FFmpeg's and Skype's own encoders.

What is recorded is made here: a sweep, a tone, and a voice that says nothing (vowels by their
formants, breath between them), which a detector of speech takes for one.
"""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
import pysilk
from numpy.typing import NDArray

Samples = NDArray[np.int16]

RATE = 16_000
FORMS: dict[str, tuple[str, str, int]] = {
    "amr": ("amr", "libopencore_amrnb", 8_000),
    "ogg": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "wav": ("wav", "pcm_s16le", 16_000),
    "m4a": ("mp4", "aac", 44_100),
    "aac": ("adts", "aac", 44_100),
    "flac": ("flac", "flac", 44_100),
}
"""By the name of the file: container, encoder and samples a second."""
_VOWELS = (
    ((730, 90, 1.0), (1090, 110, 0.6), (2440, 170, 0.3)),
    ((270, 60, 1.0), (2290, 100, 0.5), (3010, 170, 0.3)),
    ((300, 60, 1.0), (870, 90, 0.4), (2240, 150, 0.1)),
)
"""Centre, width and weight of each formant (Peterson and Barney, 1952)."""


def sweep(seconds: float = 2.0) -> Samples:
    """From 300 to 2500 Hz and louder in the middle: no two stretches of it are alike."""
    at = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * (300 * at + 1_100 / seconds * at**2)
    return (9_000 * np.hanning(len(at)) * np.sin(phase)).astype(np.int16)


def tone(pitch: float, seconds: float = 2.0) -> Samples:
    at = np.arange(int(seconds * RATE)) / RATE
    return (9_000 * np.sin(2 * np.pi * pitch * at)).astype(np.int16)


def noise(seconds: float = 2.0, loud: float = 3_000) -> Samples:
    return np.random.default_rng(1).normal(0, loud, int(seconds * RATE)).astype(np.int16)


def silence(seconds: float = 2.0) -> Samples:
    return np.zeros(int(seconds * RATE), np.int16)


def voice(syllables: int = 12) -> Samples:
    """Somebody who says nothing in particular, about five syllables a second."""
    breath = np.random.default_rng(3)
    parts = []
    for n in range(syllables):
        sung = _vowel(_VOWELS[n % 3], 110 + 10 * (n % 4))
        parts += [sung * np.hanning(len(sung)) ** 0.5, np.diff(breath.normal(0, 0.15, 800))]
    said = np.concatenate(parts)
    return (said / np.abs(said).max() * 12_000).astype(np.int16)


def _vowel(formants: tuple[tuple[int, int, float], ...], pitch: int) -> NDArray[np.float64]:
    at = np.arange(int(0.16 * RATE)) / RATE
    phase = np.cumsum(pitch * (1 + 0.05 * np.sin(6 * np.pi * at))) / RATE
    sung = np.zeros(len(at))
    for harmonic in range(1, 40):
        loud = sum(w / (1 + ((harmonic * pitch - c) / b) ** 2) for c, b, w in formants)
        sung += loud * np.sin(2 * np.pi * harmonic * phase) / harmonic**0.5
    return sung


def record(samples: Samples, form: str) -> bytes:
    """The clip as a file of this form (see :data:`FORMS`)."""
    container, encoder, rate = FORMS[form]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as opened:
        stream: Any = opened.add_stream(encoder, rate=rate)
        stream.codec_context.layout = "mono"
        if encoder == "libopencore_amrnb":
            stream.bit_rate = 12_200
        layout, wanted = "mono", stream.codec_context.format
        size = stream.codec_context.frame_size or 1_024
        resampler = av.AudioResampler(wanted.name if wanted else "s16", layout, rate, size)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = RATE
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            opened.mux(stream.encode(piece))
        opened.mux(stream.encode(None))
    return file.getvalue()


def silk(samples: Samples, *, wechat: bool = True) -> bytes:
    """The clip as SILK, with WeChat's leading byte and without an end mark, or as Skype has it."""
    file = io.BytesIO()
    pysilk.encode(io.BytesIO(samples.astype("<i2").tobytes()), file, RATE, RATE, tencent=wechat)
    return file.getvalue()
