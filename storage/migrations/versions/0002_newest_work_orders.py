"""The newest open work orders by one short range: what a report may belong to, whoever sent it.

Revision: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_work_orders_newest", "work_orders", ["tenant", "ended", "opened_at", "id"])
