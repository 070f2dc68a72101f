"""What the console needs from the rest of the house, injected by ``paidan.compose``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from bots.gateway.adapter import Adapter
from paidan.learning.desk import LearningDesk
from paidan.watch.pages import Watchman
from storage import SqlStore
from workflow.kept import Admitted
from workflow.knowledge import Knows
from workflow.records import Inbound

Receive = Callable[[Inbound], Awaitable[Admitted | None]]
Wind = Callable[[str, timedelta], Awaitable[object]]


def _real_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Services:
    """One tenant's console.

    ``receive`` is the front desk's admission: everything anybody does here, in the sandbox, the
    web chat or the console, goes through it as an ``Inbound``. Console presses come on channel
    ``console`` with sender = staff id and chat = ``staff:<id>``; that channel needs a
    ``bots.web.WebChannel("console", store)`` among delivery's channels so that answers return.

    ``wind`` moves the tenant's clock forward and fires what falls due on the way; ``reset_demo``
    puts the seeded demo back. Either may be None where it is not offered. ``watchman`` answers for
    health and figures. ``learning`` is the company's models and what they read, None
    where nobody keeps models. ``real_now`` times sign-in links and sessions, which a wound
    clock must not expire. ``public_url`` is where customers reach us, for QR codes. A peer in
    ``trusted_proxies`` may say whom it speaks for (``X-Forwarded-For``). ``knows`` finds articles
    and past repairs.
    """

    store: SqlStore
    tenant: str
    receive: Receive
    secret: bytes
    mode: Literal["demo", "production"] = "demo"
    sandbox: bool = True
    wind: Wind | None = None
    reset_demo: Callable[[], Awaitable[object]] | None = None
    watchman: Watchman | None = None
    learning: LearningDesk | None = None
    real_now: Callable[[], datetime] = field(default=_real_now)
    public_url: str = ""
    trusted_proxies: frozenset[str] = frozenset()
    knows: Knows | None = None
    hooks: Mapping[str, Adapter] = field(default_factory=dict)
    """Chat platforms that call us, by channel name."""
    count: Callable[[str, str], None] = lambda _channel, _event: None
