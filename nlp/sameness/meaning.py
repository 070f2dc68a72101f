"""What texts are about, as directions learnt from the corpus: 困人 lies near 关在里面.

Latent semantic analysis of characters and pairs of characters; a text is the sum of what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp.sameness.wording import plain
from nlp.text import fold, zero_digits

DIRECTIONS = 40
_RAREST = 3


class Meaning:
    """A direction for every text. Immutable."""

    def __init__(self, vocabulary: Sequence[str], vectors: npt.NDArray[np.float16]) -> None:
        self._vocabulary = tuple(vocabulary)
        self._row = {gram: row for row, gram in enumerate(vocabulary)}
        self._stored = vectors
        self._vectors = vectors.astype(np.float32)
        self.direction = lru_cache(maxsize=8192)(self._direction)

    def near(self, one: str, other: str) -> float:
        """How much two texts are about the same: the cosine, -1 to 1."""
        return float(self.direction(one) @ self.direction(other))

    def _direction(self, text: str) -> npt.NDArray[np.float32]:
        rows = [self._row[gram] for gram in _grams(text) if gram in self._row]
        whole = self._vectors[rows].sum(axis=0)
        return np.asarray(whole / (float(np.linalg.norm(whole)) or 1.0), dtype=np.float32)

    def tables(self) -> dict[str, npt.NDArray[Any]]:
        """Everything as arrays, for a file."""
        words = json.dumps(self._vocabulary, ensure_ascii=False).encode()
        return {
            "meaning_words": np.frombuffer(words, dtype=np.uint8),
            "meaning_vectors": self._stored,
        }

    @classmethod
    def of(cls, tables: Mapping[str, npt.NDArray[Any]]) -> Meaning:
        """The meaning of :meth:`tables`.

        Raises:
            KeyError: a table is missing.
        """
        return cls(json.loads(tables["meaning_words"].tobytes()), tables["meaning_vectors"])


def learn(texts: Sequence[str]) -> Meaning:
    """Directions from messages of the trade."""
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415 - seconds to import
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

    weigher = TfidfVectorizer(analyzer=_grams, min_df=_RAREST, binary=True, sublinear_tf=True)
    rows = weigher.fit_transform(texts)
    directions = TruncatedSVD(DIRECTIONS, random_state=0).fit(rows).components_
    words = weigher.get_feature_names_out().tolist()
    vectors = directions.T * weigher.idf_[:, None]
    return Meaning(words, vectors.astype(np.float16))


def _grams(text: str) -> list[str]:
    whole = plain(zero_digits(fold(text)))
    return sorted({*whole, *(whole[at : at + 2] for at in range(len(whole) - 1))})
