"""Where models come from: the folder that keeps them, or training, once for each recipe."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from nlp import corpus, lexicon
from nlp.heads.model import Model

_FORMAT = 1
_RECIPE = (
    *("heads/features.py", "heads/table.py", "heads/lessons.py", "heads/training.py"),
    *("text.py", "safety.py"),
    *("lexicon/__init__.py", "corpus/__init__.py"),
)


def load_or_train(
    folder: Path,
    progress: Callable[[str], None] | None = None,
    examples: Sequence[corpus.Example] | None = None,
) -> Model:
    """The model for these examples (by default the shipped corpus): from ``folder`` if it is
    there and sound, else trained now (seconds) and kept there for the next start.

    Several processes may do this at once; each writes a whole file and the last one stays.
    """
    say = progress or _silent
    chosen = corpus.load() if examples is None else tuple(examples)
    digest = recipe_digest(chosen)
    path = folder / f"understanding-{digest}.npz"
    try:
        return Model.load(path)
    except FileNotFoundError:
        say(f"training the understanding model on {len(chosen)} messages")
    except (OSError, ValueError) as error:
        say(f"{path.name} cannot be read ({error}); training again")
    from nlp.heads.training import train  # noqa: PLC0415  (scikit-learn costs seconds to import)

    model = train(chosen, digest, say)
    model.save(path)
    return model


def recipe_digest(examples: Sequence[corpus.Example]) -> str:
    """A short hash of everything a model depends on: examples, word lists, and our own code."""
    digest = hashlib.sha256(f"{_FORMAT} {corpus.digest(tuple(examples))}".encode())
    here = Path(__file__).parents[1]
    for path in [*sorted(lexicon.FOLDER.glob("*.txt")), *(here / name for name in _RECIPE)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _silent(message: str) -> None:
    pass
