"""The whole records of work orders in a table of their own; lists pass over narrow rows.

Revision: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


FILTERED = [
    *("tenant", "id", "state", "priority", "fault_type", "team_id", "assignee", "channel"),
    *("stalled", "rating"),
]


def upgrade() -> None:
    """Move the documents; let lists and searches run over one index."""
    op.create_table(
        "order_docs",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("doc", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.PrimaryKeyConstraint("tenant", "order_id", name="pk_order_docs"),
        comment="The whole records, beside their columns: lists and searches pass over narrow rows",
    )
    op.execute(
        "INSERT INTO order_docs (tenant, order_id, doc) SELECT tenant, id, doc FROM work_orders"
    )
    op.drop_column("work_orders", "doc")
    op.create_index("ix_work_orders_list", "work_orders", [*FILTERED, "haystack"])
