"""What open work orders are found by when a report may be about the same incident.

Revision: 0007
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from workflow.joining.keys import lookalike_keys

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NEVER = 2**63 - 1


def upgrade() -> None:
    """Add the table, and enter what is open."""
    table = op.create_table(
        "lookalikes",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key", "at", "order_id", name="pk_lookalikes"),
        comment="What open work orders are found by when a report may be about the same incident",
    )
    op.create_index("ix_lookalikes_order", "lookalikes", ["tenant", "order_id"])
    rows = op.get_bind().execute(
        sa.text(
            "SELECT o.tenant, o.id, o.opened_at, d.doc FROM work_orders o JOIN order_docs d"
            " ON d.tenant = o.tenant AND d.order_id = o.id WHERE o.ended = :never"
        ),
        {"never": NEVER},
    )
    entries = [
        {"tenant": tenant, "key": key, "at": at, "order_id": order_id}
        for tenant, order_id, at, doc in rows.fetchall()
        for key in lookalike_keys(_words(json.loads(doc)))
    ]
    if entries:
        op.bulk_insert(table, entries)


def _words(order: dict[str, str]) -> str:
    text = order.get("text", "")
    slots = (order.get(name, "") for name in ("place", "serial", "device"))
    return " ".join((text, *(slot for slot in slots if slot and slot not in text)))
