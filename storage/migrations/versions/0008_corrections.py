"""Readings of messages, corrections of them, and the models trained on corrections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=sa.text("''"))


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"))


def _sure(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=False)


def upgrade() -> None:
    """Four tables; nothing that was there changes."""
    _readings()
    _corrections()
    op.create_table(
        "models",
        _key("tenant"),
        _key("name"),
        _int("made_at"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_models"),
        comment="Models trained on this company's corrections; the weights are attachments",
    )
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "model_moves",
        sa.Column("id", number, nullable=False),
        _key("tenant"),
        _text("act"),
        _text("model"),
        _text("doc"),
        sa.PrimaryKeyConstraint("id", name="pk_model_moves"),
        comment="The journal of models: made, promoted, rolled back, by whom",
    )
    op.create_index("ix_model_moves_tenant", "model_moves", ["tenant", "id"])


def _readings() -> None:
    op.create_table(
        "readings",
        _key("tenant"),
        _key("message"),
        _int("at"),
        *(_text(name) for name in ("order_id", "intent", "fault_type", "priority")),
        *(_sure(name) for name in ("sure_intent", "sure_fault_type", "sure_priority")),
        _sure("familiarity"),
        _int("doubtful"),
        _int("reviewed"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "message", name="pk_readings"),
        comment="What was understood of customers' messages",
    )
    op.create_index(
        "ix_readings_at",
        "readings",
        [
            *("tenant", "at", "intent", "fault_type", "priority", "sure_intent"),
            *("sure_fault_type", "sure_priority", "familiarity", "doubtful"),
        ],
    )
    op.create_index(
        "ix_readings_waiting",
        "readings",
        ["tenant", "at"],
        sqlite_where=sa.text("doubtful = 1 AND reviewed = 0"),
        postgresql_where=sa.text("doubtful = 1 AND reviewed = 0"),
    )
    op.create_index("ix_readings_order", "readings", ["tenant", "order_id"])


def _corrections() -> None:
    op.create_table(
        "corrections",
        _key("tenant"),
        _key("id"),
        _text("message"),
        _text("head"),
        _int("at"),
        _int("undone"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_corrections"),
        comment="What people said of what was understood; what was taken back has undone 1",
    )
    op.create_index(
        "ix_corrections_at",
        "corrections",
        ["tenant", "at"],
        sqlite_where=sa.text("undone = 0"),
        postgresql_where=sa.text("undone = 0"),
    )
    op.create_index("ix_corrections_message", "corrections", ["tenant", "message"])
