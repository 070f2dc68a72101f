"""Articles with all their versions, and how each was used.

Revision: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=sa.text("''"))


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"))


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "articles",
        _key("tenant"),
        _key("id"),
        _int("version"),
        _int("at"),
        _text("by"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "id", "version", name="pk_articles"),
        comment="Every version of every article; the highest is the one that holds",
    )
    op.create_index("ix_articles_at", "articles", ["tenant", "at"])
    op.create_table(
        "article_uses",
        _key("tenant"),
        _key("subject"),
        _key("article"),
        _int("version"),
        _int("at"),
        _text("answer"),
        sa.Column("answered_at", sa.BigInteger),
        _int("deflected"),
        sa.PrimaryKeyConstraint("tenant", "subject", "article", name="pk_article_uses"),
        comment="Articles offered to customers, and what they said to it",
    )
    op.create_index("ix_article_uses_article", "article_uses", ["tenant", "article", "answer"])
