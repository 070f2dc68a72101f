"""How sure a correction is: ``python -m nlp.sounds.fitting`` writes ``gate.json`` anew.

Every message of the corpus is misheard on purpose and judged by counts of n-grams from the other
folds. A stretch that sounds like a known word is right when that word stood there before. Also
written: the real words that sound like one of ours (jieba's dictionary, MIT).
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from nlp import corpus, lexicon
from nlp.sounds import mending, shipped
from nlp.sounds.mending import GATE, REAL_WORDS, SIGNS, Candidate
from nlp.sounds.noise import Mishearing
from nlp.text import LONGEST_GRAM, fold, zero_digits

SHARES: Final = (0.0, 0.1, 0.25)
FOLDS: Final = 5
_RAREST = 2
_USED = 5
"""A word of the dictionary counts when its texts had it this often."""
_LONGEST = 6


class Case(NamedTuple):
    """A candidate in a message: what speaks for it, whether it is right, where it comes from."""

    signs: tuple[float, ...]
    right: bool
    share: float
    fold: int
    text: str
    candidate: Candidate


def main(say: Callable[[str], object]) -> None:
    """Write both files, and say how good the gate is out of fold."""
    REAL_WORDS.write_text(
        "# 真有其词、又与行话同音的词，由 python -m nlp.sounds.fitting 写出，请勿手改。\n"
        "# 出自 jieba 的词典（MIT）。\n"
        "[词]\n" + "\n".join(real_words()) + "\n",
        "utf-8",
    )
    texts = [fold(example.text) for example in corpus.load()]
    found = list(cases(texts))
    shares = out_of_fold(found)
    for floor in (0.8, 0.85, 0.9, 0.95, 0.97):
        say(f"{floor} {judged(found, shares, floor, len(texts))}")
    clean = [(p, c) for p, c in zip(shares, found, strict=True) if not c.share]
    for share, case in sorted(clean, key=lambda pair: -pair[0])[:80]:
        start, end, meant = case.candidate
        say(f"{share:.3f} {case.text[start:end]} → {meant}: {case.text[:40]!r}")
    GATE.write_text(json.dumps(_fit(found), ensure_ascii=False, indent=1) + "\n", "utf-8")


def cases(texts: Sequence[str]) -> Iterator[Case]:
    """The candidates of every message, clean and misheard."""
    lists = lexicon.shipped()
    misheard = Mishearing(texts)
    folds = [number % FOLDS for number in range(len(texts))]
    random.Random(0).shuffle(folds)  # noqa: S311  (no secret)
    for fold_number in range(FOLDS):
        rest = (text for text, at in zip(texts, folds, strict=True) if at != fold_number)
        counted = counts(map(lists.meant, rest))
        mender = mending.Mender(lists, shipped(), counted.__getitem__)
        for text, at in zip(texts, folds, strict=True):
            for share in SHARES if at == fold_number else ():
                heard = lists.meant(misheard.heard(text, share, seed=1))
                meant = lists.meant(text)
                for candidate, values in mender.candidates(heard):
                    right = meant[candidate.start : candidate.end] == candidate.meant
                    yield Case(values, right, share, at, heard, candidate)


def counts(texts: Iterable[str]) -> Counter[str]:
    """In how many texts each n-gram stands, the rarest left out as in the model's table."""
    found: Counter[str] = Counter()
    for text in texts:
        framed = f"^{zero_digits(text)}^"
        found.update(
            {
                framed[at : at + size]
                for size in range(1, LONGEST_GRAM + 1)
                for at in range(len(framed) - size + 1)
            }
        )
    return Counter({gram: times for gram, times in found.items() if times >= _RAREST})


def out_of_fold(found: Sequence[Case]) -> list[float]:
    """How sure a gate is of each case that was not fitted on its fold."""
    shares = [0.0] * len(found)
    for fold_number in range(FOLDS):
        gate = _fit([case for case in found if case.fold != fold_number])
        weights = np.array([gate[sign] for sign in SIGNS])
        for place, case in enumerate(found):
            if case.fold == fold_number:
                score = float(weights @ np.array(case.signs)) + gate["offset"]
                shares[place] = float(1 / (1 + np.exp(-score)))
    return shares


def judged(
    found: Sequence[Case], shares: Sequence[float], floor: float, messages: int
) -> dict[str, float]:
    """Messages in a thousand that are changed though nobody misheard them; and, of what was
    misheard, the share that is put right and the share of changes that are right.
    """
    told: dict[str, float] = {}
    for level in SHARES:
        here = [(p >= floor, c) for p, c in zip(shares, found, strict=True) if c.share == level]
        taken = [case for take, case in here if take]
        if not level:
            told["changed of 1000 clean"] = 1000 * len({case.text for case in taken}) / messages
            continue
        right = sum(case.right for case in taken)
        told[f"recall at {level}"] = right / sum(case.right for _, case in here)
        told[f"precision at {level}"] = right / len(taken)
    return {name: round(value, 3) for name, value in told.items()}


def real_words() -> list[str]:
    """Words of jieba's dictionary that sound like one of ours and are none."""
    import jieba  # noqa: PLC0415  (only its dictionary's place)

    targets, standing = mending.trade_words(lexicon.shipped())
    sounds = {sound for word in targets for sound in shipped().readings(word)}
    path = Path(jieba.__file__).with_name("dict.txt")
    words = (line.split()[:2] for line in path.read_text("utf-8").splitlines())
    return sorted(
        word
        for word, times in words
        if int(times) >= _USED
        and 2 <= len(word) <= _LONGEST  # noqa: PLR2004  (a word)
        and shipped().of(word) in sounds
        and word not in standing
    )


def _fit(found: Sequence[Case]) -> dict[str, float]:
    values = np.array([case.signs for case in found])
    centre, spread = values.mean(axis=0), values.std(axis=0) + 1e-9
    line = LogisticRegression(max_iter=500)
    line.fit((values - centre) / spread, [case.right for case in found])
    weights = line.coef_[0] / spread
    gate = dict(zip(SIGNS, weights.tolist(), strict=True))
    gate["offset"] = float(line.intercept_[0] - weights @ centre)
    return {name: round(value, 4) for name, value in gate.items()}


if __name__ == "__main__":
    main(lambda line: sys.stderr.write(f"{line}\n"))
