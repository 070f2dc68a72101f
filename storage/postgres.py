"""PostgreSQL's connections: neither side waits for the other for ever.

A server whose machine is gone is noticed by the kernel. One that stands still behind a wire that
holds is noticed by our own patience. What we leave behind when our machine is lost is ended by the
server, so that nobody waits for our locks.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg.abc import RV, PQGen
from typing_extensions import override

_GRACE: Final = 2
"""Seconds more until a server that should have given up is taken to stand still."""
_WIRE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8_000,
}
"""libpq's own limits, see its chapter on connection parameters: seconds, the last in milliseconds.
"""


class Patient(psycopg.Connection[Any]):
    """A connection that is closed when the server does not answer in time."""

    patience: float | None = None

    @override
    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """See psycopg; every single wait ends after ``patience`` seconds.

        Raises:
            psycopg.OperationalError: the server did not answer.
        """
        longest = self.patience if timeout is None else timeout
        try:
            return super().wait(gen, interval, longest)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise


def connect(within: int | None, *args: Any, **kwargs: Any) -> Patient:
    """A connection in autocommit mode, each of whose statements has ``within`` seconds; what the
    address says about the wire counts more than our own limits. None waits as long as it takes.
    """
    connection = Patient.connect(*args, **{**_WIRE, **kwargs}, autocommit=True)
    if within is not None:
        connection.patience = within + _GRACE
        connection.execute(
            f"SET statement_timeout = '{within}s';"
            f"SET idle_in_transaction_session_timeout = '{within}s';"
            "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2;"
            "SET tcp_keepalives_count = 3"
        )
    return connection
