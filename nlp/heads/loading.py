"""Where models come from: the folder that keeps them, or training, once for each recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from nlp import corpus, stored
from nlp.heads.model import Model

_RECIPE: Final = (
    *("heads/features.py", "heads/table.py", "heads/lessons.py", "heads/training.py"),
    *("text.py", "safety.py", "sections.py"),
    *("lexicon/__init__.py", "corpus/__init__.py"),
)
_SPOKEN: Final = (
    *("heads/spoken.py", "sounds/__init__.py", "sounds/mending.py", "sounds/noise.py"),
    *("sounds/syllables.txt", "sounds/gate.json", "sounds/real_words.txt"),
)


def load_or_train(
    folder: Path,
    progress: Callable[[str], None] | None = None,
    examples: Sequence[corpus.Example] | None = None,
) -> Model:
    """The model for these examples (by default the shipped corpus): from ``folder`` if it is
    there and sound, else trained now (seconds) and kept there for the next start.

    Of several processes that start at once one trains; the others wait for it.
    """
    return _kept("understanding", folder, examples, recipe_digest(examples), progress or _silent)


def load_or_train_spoken(
    folder: Path,
    progress: Callable[[str], None] | None = None,
    examples: Sequence[corpus.Example] | None = None,
) -> Model:
    """The model for messages that were spoken, kept and trained like the other."""
    digest = recipe_digest(examples, (*_RECIPE, *_SPOKEN))
    return _kept("spoken", folder, examples, digest, progress or _silent)


def kept_spoken(folder: Path) -> Path:
    """The file of the model for what was spoken, for the shipped corpus."""
    return folder / f"spoken-{recipe_digest(None, (*_RECIPE, *_SPOKEN))}.npz"


def _kept(
    kind: str,
    folder: Path,
    examples: Sequence[corpus.Example] | None,
    digest: str,
    say: Callable[[str], None],
) -> Model:
    def train() -> Model:
        rows = corpus.load() if examples is None else tuple(examples)
        say(f"training the {kind} model on {len(rows)} messages")
        # scikit-learn costs seconds to import
        from nlp.heads import spoken, training  # noqa: PLC0415

        return (spoken.train if kind == "spoken" else training.train)(rows, digest, say)

    path = folder / f"{kind}-{digest}.npz"
    return stored.read_or_make(path, Model.load, train, Model.save, say)


def recipe_digest(
    examples: Sequence[corpus.Example] | None = None, code: Sequence[str] = _RECIPE
) -> str:
    """A short hash of everything a model depends on: examples (those shipped if left out), word
    lists, and our own code.
    """
    return stored.digest(examples, code)


def _silent(message: str) -> None:
    pass
