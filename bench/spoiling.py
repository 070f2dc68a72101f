"""Payloads and bytes made worse, as somebody hostile or some broken proxy would."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**63, 2**70, -(2**63), 1.5, 1e308, "", " ", "0", "-1",
    "\x00", "\ud800", "\u202e", "\ufeff", "x" * 5000, "报" * 3000, "9" * 400, "1e400", "NaN",
    "<!DOCTYPE x>", "]]>", "&amp;&lt;", "{{7*7}}", "../../etc/passwd", "http://127.0.0.1:1/",
    "%00%ff", "'; DROP TABLE inbox;--", [], {}, [[]], [None], {"": ""}, ["x"] * 50,
)  # fmt: skip
DEPTH = 400


def deep(chance: random.Random) -> Any:
    """Something nested further than anybody needs."""
    found: Any = "x"
    for _ in range(chance.randint(2, DEPTH)):
        found = [found] if chance.random() < 0.5 else {"a": found}
    return found


def spoilt(payload: Any, chance: random.Random) -> Any:
    """A payload with one to three places in it changed for the worse."""
    payload = json.loads(json.dumps(payload))
    for _ in range(chance.randint(1, 3)):
        holder, key = place(payload, chance)
        if holder is None:
            return hostile(chance)
        act = chance.random()
        if act < 0.2:
            del holder[key]
        elif act < 0.3 and isinstance(holder, dict):
            holder[f"{key}x"] = holder.pop(key)
        elif act < 0.4:
            holder[key] = [holder[key]]
        elif act < 0.5 and isinstance(holder[key], str):
            holder[key] = garbled(holder[key], chance)
        else:
            holder[key] = hostile(chance)
    return payload


def hostile(chance: random.Random) -> Any:
    return deep(chance) if chance.random() < 0.03 else copy.deepcopy(chance.choice(HOSTILE))


def place(payload: Any, chance: random.Random) -> tuple[Any, Any]:
    """Some place in it: what holds it, and under which key."""
    spots: list[tuple[Any, Any]] = []
    waiting = [payload]
    while waiting:
        found = waiting.pop()
        keys = list(found) if isinstance(found, dict) else range(len(found))
        for key in keys:
            spots.append((found, key))
            if isinstance(found[key], dict | list):
                waiting.append(found[key])
        if len(spots) > 400:
            break
    return chance.choice(spots) if spots else (None, None)


def garbled(text: str, chance: random.Random) -> str:
    """A text with a piece of it doubled, cut or replaced."""
    at = chance.randint(0, len(text))
    to = min(len(text), at + chance.randint(0, 8))
    piece = chance.choice(("", text[at:to] * 2, "\x00", "\u202e", "<", "@all", "\ud83d", "𠮷"))
    return text[:at] + piece + text[to:]


def torn(body: bytes, chance: random.Random) -> bytes:
    """Bytes with a few of them flipped, cut, doubled or strewn in."""
    data = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, max(0, len(data) - 1))
        act = chance.random()
        if act < 0.5 and data:
            data[at] = chance.randint(0, 255)
        elif act < 0.7:
            del data[at : at + chance.randint(1, 30)]
        elif act < 0.85:
            data[at:at] = chance.randbytes(chance.randint(1, 30))
        else:
            data[at:at] = chance.choice((b"<!DOCTYPE a>", b"\x00", b"\xff\xfe", b"{", b"]", b'"'))
    return bytes(data)
