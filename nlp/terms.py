"""Words of a text for searching and comparing, by jieba; loaded on first use (about a second)."""

from __future__ import annotations

import logging
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nlp.text import fold

if TYPE_CHECKING:
    from jieba import Tokenizer

_EMPTY_WORDS = frozenset("的了是在我你他她它们和也都就吗呢吧啊呀哦嗯这那有个一不很到请把被")


def terms(text: str) -> tuple[str, ...]:
    """Content words in order, folded (half width, lower case), without the emptiest ones."""
    words = (word.strip() for word in tokenizer().cut_for_search(fold(text)))
    return tuple(w for w in words if w not in _EMPTY_WORDS and any(c.isalnum() for c in w))


@cache
def tokenizer() -> Tokenizer:
    """A tokenizer of our own, its cache in a folder only we can write.

    jieba keeps a marshalled dictionary under a predictable name in the shared temporary folder,
    and executes whatever it finds there.
    """
    # jieba asks pkg_resources for its dictionary if there is one; that package is gone from new
    # setuptools, warns in older ones and walks every installed distribution. Without it jieba
    # opens the file beside itself.
    asked = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = None  # type: ignore[assignment]  # the documented way to hide
    try:
        import jieba  # noqa: PLC0415  (a second and 90 MB, for those who search)
    finally:
        if asked is None:
            del sys.modules["pkg_resources"]
        else:
            sys.modules["pkg_resources"] = asked
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    with tempfile.TemporaryDirectory(prefix="paidan-jieba-") as folder:
        tokenizer.tmp_dir = str(Path(folder))
        tokenizer.initialize()
    return tokenizer
