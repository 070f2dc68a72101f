"""Which conversation a mail belongs to: told by the ids that mails carry, without keeping any.

The first mail of a thread gives it its name; our own mails carry that name in their ids. So an
answer is known by whatever its program leaves of ``References``: the first id, or one of ours.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

HOME: Final = "0"
"""The thread of mails that we write to somebody first."""
_OURS: Final = re.compile(r"<paidan\.([0-9a-f]{16}|0)\.[0-9a-f]{32}@([^<>@\s]+)>")


def named_by(root: str) -> str:
    """The name of the thread that began with this id."""
    return hashlib.sha256(root.encode(errors="replace")).hexdigest()[:16]


def own_id(thread: str, key: str, domain: str) -> str:
    """The id of a mail of ours; the same key gives the same one, so that it is one mail."""
    digest = hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32]
    return f"<paidan.{thread or HOME}.{digest}@{domain}>"


def ours(message_id: str, domain: str) -> str:
    """The thread a mail of ours belongs to; empty for anybody else's id."""
    found = _OURS.fullmatch(message_id)
    return found[1] if found and found[2].lower() == domain.lower() else ""


def answered(ids: Sequence[str], domain: str) -> str:
    """The thread of the newest mail of ours among the ids a mail refers to; empty: none."""
    return next((found for one in reversed(ids) if (found := ours(one, domain))), "")


def chat_of(address: str, thread: str) -> str:
    """The chat of a thread of somebody's; the bare address where we wrote first."""
    return address if thread in {"", HOME} else f"{address}#{thread}"


def parted(chat: str) -> tuple[str, str]:
    """Address and thread of a chat; no thread: we write first."""
    address, _, thread = chat.partition("#")
    return address, thread
