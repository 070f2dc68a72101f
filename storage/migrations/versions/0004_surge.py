"""Reports counted by key and hour, the surges they make, and a parent's children by its number.

Revision: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NEVER = str(2**63 - 1)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=sa.text("''"))


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _int(name: str, default: str = "0") -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text(default))


def upgrade() -> None:
    """Add the tables and the column."""
    op.create_table(
        "surge_reports",
        _key("tenant"),
        _key("key"),
        _key("order_id"),
        _int("at"),
        _int("counted"),
        _text("who"),
        _text("said"),
        sa.PrimaryKeyConstraint("tenant", "key", "order_id", name="pk_surge_reports"),
        comment="What reports count under when a surge is looked for; counted 0 belongs to a surge",
    )
    op.create_index("ix_surge_reports_at", "surge_reports", ["tenant", "key", "at"])
    op.create_index("ix_surge_reports_order", "surge_reports", ["tenant", "order_id"])
    op.create_table(
        "surge_hours",
        _key("tenant"),
        _key("key"),
        _int("hour"),
        _int("reports"),
        sa.PrimaryKeyConstraint("tenant", "key", "hour", name="pk_surge_hours"),
        comment="Reports of a key by the hour: what is usual; the empty key counts every report",
    )
    op.create_table(
        "surges",
        _key("tenant"),
        _key("key"),
        _key("cluster"),
        _text("order_id"),
        _text("words"),
        _int("last_at"),
        _int("ended", NEVER),
        _int("times"),
        sa.PrimaryKeyConstraint("tenant", "key", "cluster", name="pk_surges"),
        comment="Surges a key has, or had last: of the whole key, or of the words in cluster",
    )
    op.create_index("ix_surges_order", "surges", ["tenant", "order_id"])
    op.add_column("work_orders", _text("parent"))
    op.create_index(
        "ix_work_orders_parent",
        "work_orders",
        ["tenant", "parent", "id"],
        sqlite_where=sa.text("parent <> ''"),
        postgresql_where=sa.text("parent <> ''"),
    )
