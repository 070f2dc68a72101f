"""Making the table for messages that were spoken: characters and their sounds, taught with every
message as written and every second one misheard as well.

It answers a little worse than the usual table where nothing was misheard, and far better where
much was (``bench/understanding_rows/voice.py``), so each has its own messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from nlp import lexicon, safety, sounds
from nlp.corpus import Example
from nlp.heads import table, training
from nlp.heads.features import FACT, Features, extract, heard, read
from nlp.heads.model import HALF, Model, counted
from nlp.sounds.mending import Mender
from nlp.sounds.noise import Mishearing

MISHEARD: Final = 0.2
"""The share of characters that the second copy has wrong."""
_EVERY: Final = 2
"""Every how manieth message is taught misheard as well; all of them teach no more."""
SOUND_WEIGHT: Final = 0.7
"""What an n-gram of sounds counts beside one of characters."""
_RAREST_SOUND: Final = 3
"""An n-gram of sounds must stand in this many messages to be kept."""
_JUDGED: Final = 1
"""Folds whose answers set the confidences; they hold the misheard ones too."""
_SEED: Final = 7


def train(examples: Sequence[Example], digest: str, progress: Callable[[str], None]) -> Model:
    """Train on the examples; ``about`` of the model records figures, date and versions."""
    texts = [example.text for example in examples]
    written = [_features(text) for text in texts]
    all_columns = table.build(written)
    misheard, mender = Mishearing(texts), _mender(all_columns, len(texts))
    again = range(0, len(texts), _EVERY)
    said = [_features(misheard.heard(texts[at], MISHEARD, _SEED), mender) for at in again]
    columns = _weighed(all_columns, len(texts))
    rows = columns.rows([*written, *said])
    of = np.array([*range(len(texts)), *again])
    return training.teach(columns, rows, of, examples, digest, progress, _JUDGED)


def _features(text: str, mender: Mender | None = None) -> Features:
    reading = read(text, lexicon.shipped(), safety.shipped(), mender, spoken=True)
    return heard(reading, extract(reading), sounds.shipped())


def _mender(columns: table.Table, messages: int) -> Mender:
    known = {
        gram: counted(float(rarity), messages)
        for gram, rarity in zip(columns.vocabulary, columns.rarity, strict=True)
        if not gram.startswith(FACT)
    }
    return Mender(lexicon.shipped(), sounds.shipped(), lambda gram: known.get(gram, 0.0))


def _weighed(columns: table.Table, messages: int) -> table.Table:
    """Sounds count less than characters, and the rare ones not at all."""
    kept: list[str] = []
    rarities: list[float] = []
    for name, rarity in zip(columns.vocabulary, columns.rarity.tolist(), strict=True):
        sound = sounds.is_sound(name)
        if not sound or counted(rarity, messages) > _RAREST_SOUND - HALF:
            kept.append(name)
            rarities.append(rarity * SOUND_WEIGHT if sound else rarity)
    return table.Table(tuple(kept), np.array(rarities, dtype=np.float32))
