"""Only what is spoken reaches a recogniser, in parts it can take."""

from __future__ import annotations

import numpy as np
import pytest

from paidan.voice.sound import RATE, Samples
from paidan.voice.speech import TURN, turns
from tests.vendors import recorder

VOICE = recorder.voice()
SECONDS = len(VOICE) / RATE


@pytest.mark.parametrize(
    "sound",
    [
        recorder.silence(),
        recorder.noise(),
        recorder.noise(loud=30),
        recorder.tone(440),
        recorder.tone(50),
        recorder.sweep(),
        recorder.silence(0.1),
        np.full(32_000, 32_767, np.int16),
        (recorder.noise() * (np.arange(32_000) % 4_000 < 400)).astype(np.int16),
    ],
    ids=["silence", "noise", "hiss", "tone", "mains", "siren", "short", "overdriven", "knocks"],
)
def test_what_nobody_says_is_no_speech(sound: Samples) -> None:
    assert turns(sound) == []


def test_a_voice_is_kept_and_the_silence_around_it_is_not() -> None:
    clip = np.concatenate([recorder.silence(2), VOICE, recorder.silence(4)])
    (turn,) = turns(clip)
    assert len(turn) / RATE == pytest.approx(SECONDS, abs=1.0)
    assert np.abs(turn.astype(int)).max() == np.abs(VOICE.astype(int)).max()


def test_a_long_pause_between_two_sentences_is_left_out() -> None:
    (turn,) = turns(np.concatenate([VOICE, recorder.silence(5), VOICE]))
    assert len(turn) / RATE == pytest.approx(2 * SECONDS, abs=2.0)


def test_a_long_speech_comes_in_parts_that_lose_nothing() -> None:
    found = turns(np.tile(VOICE, 20))
    assert len(found) > 1
    assert max(len(turn) for turn in found) <= TURN * RATE
    assert sum(len(turn) for turn in found) / RATE == pytest.approx(20 * SECONDS, rel=0.1)
