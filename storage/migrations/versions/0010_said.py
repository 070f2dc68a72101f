"""What was said into a chat in the last minute is found by index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One index of what is sent."""
    op.create_index(
        "ix_outbox_said",
        "outbox",
        ["tenant", "channel", "chat", "sent_at"],
        sqlite_where=sa.text("state = 'sent'"),
        postgresql_where=sa.text("state = 'sent'"),
    )
