"""Everything, from the first table.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=sa.text("''"))


def _int(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text(str(default)))


def _maybe(name: str) -> sa.Column[int | None]:
    return sa.Column(name, sa.BigInteger)


def _index(table: str, name: str, *columns: str, unique: bool = False, where: str = "") -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name,
        table,
        list(columns),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def _company() -> None:
    op.create_table(
        "companies",
        _id(),
        _key("tenant"),
        _key("version"),
        _maybe("at"),
        _text("doc"),
        sa.PrimaryKeyConstraint("id", name="pk_companies"),
    )
    _index("companies", "ix_companies_tenant", "tenant", "id")
    op.create_table(
        "policies",
        _key("tenant"),
        _key("version"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "version", name="pk_policies"),
    )
    op.create_table(
        "customers",
        _key("tenant"),
        _key("id"),
        _text("name"),
        _text("phone"),
        _text("haystack"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_customers"),
    )
    _index("customers", "ix_customers_phone", "tenant", "phone")
    op.create_table(
        "assets",
        _key("tenant"),
        _key("id"),
        _text("name"),
        _text("serial"),
        _text("token"),
        _text("customer_id"),
        _text("place_key"),
        _text("haystack"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_assets"),
    )
    _index("assets", "ix_assets_place", "tenant", "place_key")
    _index("assets", "ix_assets_serial", "tenant", "serial")
    _index("assets", "ix_assets_token", "tenant", "token")
    op.create_table(
        "identities",
        _key("tenant"),
        _key("channel"),
        _key("user"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "channel", "user", name="pk_identities"),
    )
    op.create_table(
        "presence",
        _key("tenant"),
        _key("staff_id"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "staff_id", name="pk_presence"),
    )


def _orders() -> None:
    op.create_table(
        "work_orders",
        _key("tenant"),
        _key("id"),
        _text("number"),
        _int("tail"),
        _int("version"),
        _int("seq"),
        _text("head"),
        _text("state"),
        _text("sub"),
        _text("outcome"),
        _text("fault_type"),
        _text("priority"),
        _text("queue_id"),
        _text("team_id"),
        _text("assignee"),
        _text("customer_id"),
        _text("asset_id"),
        _text("serial"),
        _text("place"),
        _text("near"),
        _text("region"),
        _text("phone"),
        _text("contact"),
        _text("haystack"),
        _text("channel"),
        _int("reporters"),
        _int("rating"),
        _int("stalled"),
        _int("escalation"),
        _int("opened_at"),
        _maybe("first_responded_at"),
        _maybe("first_due_at"),
        _maybe("arrived_at"),
        _maybe("completed_at"),
        _int("updated_at"),
        _int("ended", 9223372036854775807),
        _int("deadline_at", 9223372036854775807),
        _text("deadline_clock"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_work_orders"),
        sa.UniqueConstraint("tenant", "number", name="uq_work_orders_tenant_number"),
    )
    _index("work_orders", "ix_work_orders_asset", "tenant", "asset_id", "ended", "id")
    _index("work_orders", "ix_work_orders_assignee", "tenant", "assignee", "ended")
    _index("work_orders", "ix_work_orders_customer", "tenant", "customer_id", "ended", "id")
    _index("work_orders", "ix_work_orders_deadline", "tenant", "ended", "deadline_at", "id")
    _index("work_orders", "ix_work_orders_near", "tenant", "near", "ended", "id")
    _index(
        "work_orders",
        "ix_work_orders_opened",
        "tenant",
        "opened_at",
        "channel",
        "fault_type",
        "first_responded_at",
        "first_due_at",
    )
    _index("work_orders", "ix_work_orders_phone", "tenant", "phone", "ended", "id")
    _index("work_orders", "ix_work_orders_serial", "tenant", "serial", "ended", "id")
    _index("work_orders", "ix_work_orders_state", "tenant", "ended", "state", "priority", "rating")
    _index("work_orders", "ix_work_orders_tail", "tenant", "tail", "ended", "id")
    op.create_table(
        "order_chats",
        _key("tenant"),
        _key("order_id"),
        _key("channel"),
        _key("chat"),
        _key("sender"),
        _int("ended", 9223372036854775807),
        sa.PrimaryKeyConstraint(
            "tenant", "order_id", "channel", "chat", "sender", name="pk_order_chats"
        ),
    )
    _index("order_chats", "ix_order_chats_place", "tenant", "channel", "chat", "ended", "order_id")
    op.create_table(
        "events",
        _key("tenant"),
        _key("order_id"),
        _int("seq"),
        _text("kind"),
        _int("at"),
        _text("actor_id"),
        _text("actor_role"),
        _text("actor_name"),
        _text("channel"),
        _text("chat"),
        _text("number"),
        _text("asset"),
        _text("customer"),
        _text("place"),
        sa.Column("lat", sa.Double, nullable=True),
        sa.Column("lon", sa.Double, nullable=True),
        _text("state"),
        _text("sub"),
        _text("priority"),
        _text("fault_type"),
        _text("team"),
        _text("assignee"),
        sa.Column("since_previous", sa.Double, nullable=False),
        _text("prev"),
        _text("hash"),
        _text("data"),
        sa.PrimaryKeyConstraint("tenant", "order_id", "seq", name="pk_events"),
    )
    _index("events", "ix_events_at", "tenant", "at")
    op.create_table(
        "workload",
        _key("tenant"),
        _key("scope"),
        _key("ref"),
        _key("staff_id"),
        _int("jobs"),
        sa.PrimaryKeyConstraint("tenant", "scope", "ref", "staff_id", name="pk_workload"),
        comment="Counted as work orders are saved: open jobs, past jobs per customer and per asset",
    )
    op.create_table(
        "counters",
        _key("tenant"),
        _key("name"),
        _int("value"),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_counters"),
    )


def _engine() -> None:
    op.create_table(
        "timers",
        _id(),
        _key("tenant"),
        _text("subject"),
        _text("step"),
        _int("due"),
        _int("generation"),
        _text("state"),
        _text("reason"),
        _maybe("fired_at"),
        sa.PrimaryKeyConstraint("id", name="pk_timers"),
        sa.UniqueConstraint(
            "tenant", "subject", "generation", name="uq_timers_tenant_subject_generation"
        ),
    )
    _index("timers", "ix_timers_due", "tenant", "due", where="state = 'open'")
    _index("timers", "uq_timers_open", "tenant", "subject", unique=True, where="state = 'open'")
    op.create_table(
        "outbox",
        _id(),
        _key("tenant"),
        _key("key"),
        _text("kind"),
        _text("channel"),
        _text("chat"),
        _int("urgency"),
        _text("order_id"),
        _text("person"),
        _text("role"),
        _text("topic"),
        _text("state"),
        _int("attempts"),
        _int("created_at"),
        _int("next_at"),
        _maybe("lease_until"),
        _maybe("tried_at"),
        _maybe("sent_at"),
        _text("error"),
        _text("message_id"),
        _text("degraded"),
        _text("superseded_by"),
        _text("doc"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("tenant", "key", name="uq_outbox_tenant_key"),
    )
    _index("outbox", "ix_outbox_dead", "tenant", "id", where="state = 'dead'")
    _index("outbox", "ix_outbox_next", "tenant", "next_at", where="state = 'pending'")
    _index("outbox", "ix_outbox_order", "tenant", "order_id", "id")
    _index("outbox", "ix_outbox_out", "tenant", "lease_until", where="state = 'sending'")
    _index("outbox", "ix_outbox_person", "tenant", "person", "created_at")
    _index(
        "outbox", "ix_outbox_topic", "tenant", "topic", "channel", "chat", where="state = 'pending'"
    )
    _index(
        "outbox",
        "ix_outbox_urgent",
        "tenant",
        "urgency",
        "id",
        "next_at",
        where="state = 'pending'",
    )
    op.create_table(
        "living_cards",
        _key("tenant"),
        _key("topic"),
        _key("channel"),
        _key("chat"),
        _text("order_id"),
        _text("message_id"),
        _int("at"),
        _int("ended", 9223372036854775807),
        sa.PrimaryKeyConstraint("tenant", "topic", "channel", "chat", name="pk_living_cards"),
    )
    _index("living_cards", "ix_living_cards_order", "tenant", "order_id")
    _index(
        "living_cards", "ix_living_cards_place", "tenant", "channel", "chat", "ended", "order_id"
    )


def _conversations() -> None:
    op.create_table(
        "inbox",
        _id(),
        _key("tenant"),
        _key("dedupe_key"),
        _text("conversation"),
        _text("sender"),
        _int("sent_at"),
        _int("received_at"),
        _text("state"),
        _int("attempts"),
        _text("error"),
        _text("outcome"),
        _text("order_id"),
        _text("understanding"),
        _text("doc"),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.UniqueConstraint("tenant", "dedupe_key", name="uq_inbox_tenant_dedupe_key"),
    )
    _index("inbox", "ix_inbox_order", "tenant", "order_id", "id")
    _index("inbox", "ix_inbox_waiting", "tenant", "conversation", "id", where="state = 'waiting'")
    op.create_table(
        "posts",
        _id(),
        _key("tenant"),
        _text("channel"),
        _text("chat"),
        _text("message"),
        _int("at"),
        _text("doc"),
        sa.PrimaryKeyConstraint("id", name="pk_posts"),
    )
    _index("posts", "ix_posts_place", "tenant", "channel", "chat", "id")
    _index(
        "posts",
        "uq_posts_message",
        "tenant",
        "channel",
        "chat",
        "message",
        unique=True,
        where="message <> ''",
    )
    op.create_table(
        "dialogues",
        _key("tenant"),
        _key("channel"),
        _key("chat"),
        _key("sender"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "channel", "chat", "sender", name="pk_dialogues"),
    )
    op.create_table(
        "cases",
        _key("tenant"),
        _key("id"),
        _text("kind"),
        _text("state"),
        _int("at"),
        _text("order_id"),
        _text("doc"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_cases"),
    )
    _index("cases", "ix_cases_at", "tenant", "at")
    _index("cases", "ix_cases_open", "tenant", "at", "id", where="state = 'open'")
    _index("cases", "ix_cases_order", "tenant", "order_id")


def _rest() -> None:
    op.create_table(
        "ledger",
        _key("tenant"),
        _key("key"),
        _int("at"),
        sa.PrimaryKeyConstraint("tenant", "key", name="pk_ledger"),
    )
    op.create_table(
        "clock_offsets",
        _key("tenant"),
        _int("micros"),
        sa.PrimaryKeyConstraint("tenant", name="pk_clock_offsets"),
    )
    op.create_table(
        "blobs",
        _key("blob"),
        _text("mime"),
        _int("size"),
        _int("at"),
        sa.PrimaryKeyConstraint("blob", name="pk_blobs"),
    )


def upgrade() -> None:
    """Create every table."""
    _company()
    _orders()
    _engine()
    _conversations()
    _rest()
