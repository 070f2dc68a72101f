"""Sortable ids: 26 characters, the time first, never twice and never backwards in a process."""

from __future__ import annotations

import secrets
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_LENGTH = 26


class Ulids:
    """Call it for the next id. Ids of the same millisecond count up from a random start."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        with self._lock:
            if fresh >> _RANDOM_BITS <= self._last >> _RANDOM_BITS:
                fresh = self._last + 1
            self._last = fresh
        digits = []
        for _ in range(_LENGTH):
            fresh, digit = divmod(fresh, len(_ALPHABET))
            digits.append(_ALPHABET[digit])
        return "".join(reversed(digits))
