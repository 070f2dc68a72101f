"""What the parts of one unit of work share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from storage.database import Session


@dataclass(slots=True)
class Scope:
    """What the parts of a unit share: the tenant, the connection, and what it touched."""

    tenant: str
    session: Session
    now: Callable[[], datetime]
    topics: set[str] = field(default_factory=set)

    def touch(self, *topics: str) -> None:
        """Say that whoever watches these topics should look after the commit."""
        self.topics.update(topics)
