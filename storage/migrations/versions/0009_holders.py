"""Work is held by name: who has a message, a step or a notice in hands, and who is at work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three columns and a table; a program one revision older goes on beside it unharmed."""
    for table in ("inbox", "timers", "outbox"):
        holder = sa.Column("holder", sa.Text, nullable=False, server_default=sa.text("''"))
        op.add_column(table, holder)
    op.create_table(
        "workers",
        sa.Column("name", sa.Text, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"))
            for name in ("since", "beat")
        ),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
        comment="Processes that take work, by the names in the holder columns; times are the "
        "server's",
    )
