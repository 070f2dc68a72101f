"""What is asked for every message, round or page is found by index whatever a planner guesses: the
order asked for is in it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_FOUND_BY = (
    ("customers", "phone", "phone"),
    ("assets", "serial", "serial"),
    ("assets", "token", "token"),
    ("assets", "place", "place_key"),
)
_NEVER = 2**63 - 1
_SENDING = sa.text("state = 'sending'")


def upgrade() -> None:
    """Five indexes have other columns under their old names, and there are two more."""
    for table, name, column in _FOUND_BY:
        op.drop_index(f"ix_{table}_{name}", table_name=table)
        op.create_index(f"ix_{table}_{name}", table, ["tenant", column, "id"])
    op.drop_index("ix_outbox_out", table_name="outbox")
    for name, columns in (("out", ["urgency", "id"]), ("speaking", ["channel", "chat"])):
        op.create_index(
            f"ix_outbox_{name}",
            "outbox",
            ["tenant", *columns],
            sqlite_where=_SENDING,
            postgresql_where=_SENDING,
        )
    still_open = sa.text(f"ended = {_NEVER}")
    op.create_index(
        "ix_work_orders_open",
        "work_orders",
        ["tenant", "id"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
