"""Where the tagger of entities comes from: the folder that keeps it, or training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nlp import corpus, stored
from nlp.spans.tagger import Tagger

_CODE = (
    *("text.py", "safety.py", "lexicon/__init__.py", "corpus/__init__.py", "sections.py"),
    "heads/features.py",
    *("spans/sight.py", "spans/known.py", "spans/path.py", "spans/tagger.py", "spans/training.py"),
    *(f"entities/{name}.py" for name in (
        "candidates", "training", "codes", "names", "numerals", "phones", "places", "times",
        "when",
    )),
)  # fmt: skip


def load_or_train(folder: Path, say: Callable[[str], None]) -> Tagger:
    """The tagger made from the shipped corpus, kept beside the model of the four decisions.

    It learns from the shipped corpus alone: only there are all entities marked.
    """
    return stored.read_or_make(
        kept_at(folder),
        lambda path: stored.read(path, Tagger.from_arrays),
        lambda: _train(say),
        lambda tagger, path: stored.write(path, tagger.arrays()),
        say,
    )


def kept_at(folder: Path) -> Path:
    """The file of the tagger learnt from the shipped corpus."""
    return folder / f"entities-{stored.digest(None, _CODE)}.npz"


def _train(say: Callable[[str], None]) -> Tagger:
    from nlp.entities.training import train  # noqa: PLC0415  (CRFsuite is not needed to serve)

    examples = corpus.load()
    say(f"training the entity tagger on {len(examples)} messages")
    return train(examples)
