"""Small facts that channels keep between calls: cursors, windows, tokens.

Revision: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NEVER = str(2**63 - 1)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "channel_notes",
        _key("tenant"),
        _key("area"),
        _key("key"),
        sa.Column("value", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("until", sa.BigInteger, nullable=False, server_default=sa.text(NEVER)),
        sa.PrimaryKeyConstraint("tenant", "area", "key", name="pk_channel_notes"),
    )
