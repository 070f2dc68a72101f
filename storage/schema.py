"""The tables. Every key begins with the tenant; every instant is microseconds since 1970, UTC.

What is asked for by index has a column; the whole record lies beside it as JSON (``doc``).
``ended`` is when a work order closed, or :data:`NEVER` while it is open, so that one index range
holds the open ones and the recently closed ones together. Conditions of partial indexes are
written out in the queries too, because a planner cannot prove them from a parameter.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

NEVER = 2**63 - 1

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _id() -> Column[int]:
    """A number given by the database in the order of writing."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


def _int(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text(str(default)))


def _instant(name: str) -> Column[int | None]:
    return Column(name, BigInteger)


def _tenant() -> Column[str]:
    return Column("tenant", Text, nullable=False)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _index(name: str, *columns: str, where: str = "") -> Index:
    return Index(f"ix_{name}", *columns, **(_where(where) if where else {}))


companies = Table(
    "companies",
    metadata,
    _id(),
    _tenant(),
    Column("version", Text, nullable=False),
    _instant("at"),
    _text("doc"),
    _index("companies_tenant", "tenant", "id"),
)

policies = Table(
    "policies",
    metadata,
    _tenant(),
    Column("version", Text, nullable=False),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "version"),
)

work_orders = Table(
    "work_orders",
    metadata,
    _tenant(),
    Column("id", Text, nullable=False),
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
    _instant("first_responded_at"),
    _instant("first_due_at"),
    _instant("arrived_at"),
    _instant("completed_at"),
    _int("updated_at"),
    _int("ended", NEVER),
    _int("deadline_at", NEVER),
    _text("deadline_clock"),
    _text("parent"),
    PrimaryKeyConstraint("tenant", "id"),
    UniqueConstraint("tenant", "number"),
    _index("work_orders_tail", "tenant", "tail", "ended", "id"),
    _index("work_orders_customer", "tenant", "customer_id", "ended", "id"),
    _index("work_orders_asset", "tenant", "asset_id", "ended", "id"),
    _index("work_orders_serial", "tenant", "serial", "ended", "id"),
    _index("work_orders_near", "tenant", "near", "ended", "id"),
    _index("work_orders_phone", "tenant", "phone", "ended", "id"),
    _index("work_orders_assignee", "tenant", "assignee", "ended"),
    _index("work_orders_deadline", "tenant", "ended", "deadline_at", "id"),
    _index(
        "work_orders_list",
        *("tenant", "id", "state", "priority", "fault_type", "team_id", "assignee", "channel"),
        *("stalled", "rating", "haystack"),
    ),
    _index("work_orders_newest", "tenant", "ended", "opened_at", "id"),
    _index("work_orders_state", "tenant", "ended", "state", "priority", "rating"),
    _index("work_orders_open", "tenant", "id", where=f"ended = {NEVER}"),
    _index("work_orders_parent", "tenant", "parent", "id", where="parent <> ''"),
    _index(
        "work_orders_opened",
        *("tenant", "opened_at", "channel", "fault_type", "first_responded_at", "first_due_at"),
    ),
)

order_docs = Table(
    "order_docs",
    metadata,
    _tenant(),
    Column("order_id", Text, nullable=False),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "order_id"),
    comment="The whole records, beside their columns: lists and searches pass over narrow rows",
)

lookalikes = Table(
    "lookalikes",
    metadata,
    _tenant(),
    Column("key", Text, nullable=False),
    _int("at"),
    Column("order_id", Text, nullable=False),
    PrimaryKeyConstraint("tenant", "key", "at", "order_id"),
    _index("lookalikes_order", "tenant", "order_id"),
    comment="What open work orders are found by when a report may be about the same incident",
)

surge_reports = Table(
    "surge_reports",
    metadata,
    _tenant(),
    Column("key", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    _int("at"),
    _int("counted"),
    _text("who"),
    _text("said"),
    PrimaryKeyConstraint("tenant", "key", "order_id"),
    _index("surge_reports_at", "tenant", "key", "at"),
    _index("surge_reports_order", "tenant", "order_id"),
    comment="What reports count under when a surge is looked for; counted 0 belongs to a surge",
)

surge_hours = Table(
    "surge_hours",
    metadata,
    _tenant(),
    Column("key", Text, nullable=False),
    _int("hour"),
    _int("reports"),
    PrimaryKeyConstraint("tenant", "key", "hour"),
    comment="Reports of a key by the hour: what is usual; the empty key counts every report",
)

surges = Table(
    "surges",
    metadata,
    _tenant(),
    Column("key", Text, nullable=False),
    Column("cluster", Text, nullable=False),
    _text("order_id"),
    _text("words"),
    _int("last_at"),
    _int("ended", NEVER),
    _int("times"),
    PrimaryKeyConstraint("tenant", "key", "cluster"),
    _index("surges_order", "tenant", "order_id"),
    comment="Surges a key has, or had last: of the whole key, or of the words in cluster",
)

articles = Table(
    "articles",
    metadata,
    _tenant(),
    Column("id", Text, nullable=False),
    _int("version"),
    _int("at"),
    _text("by"),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "id", "version"),
    _index("articles_at", "tenant", "at"),
    comment="Every version of every article; the highest is the one that holds",
)

article_uses = Table(
    "article_uses",
    metadata,
    _tenant(),
    Column("subject", Text, nullable=False),
    Column("article", Text, nullable=False),
    _int("version"),
    _int("at"),
    _text("answer"),
    _instant("answered_at"),
    _int("deflected"),
    PrimaryKeyConstraint("tenant", "subject", "article"),
    _index("article_uses_article", "tenant", "article", "answer"),
    comment="Articles offered to customers, and what they said to it",
)

order_chats = Table(
    "order_chats",
    metadata,
    _tenant(),
    Column("order_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("chat", Text, nullable=False),
    Column("sender", Text, nullable=False),
    _int("ended", NEVER),
    PrimaryKeyConstraint("tenant", "order_id", "channel", "chat", "sender"),
    _index("order_chats_place", "tenant", "channel", "chat", "ended", "order_id"),
)

events = Table(
    "events",
    metadata,
    _tenant(),
    Column("order_id", Text, nullable=False),
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
    Column("lat", Double),
    Column("lon", Double),
    _text("state"),
    _text("sub"),
    _text("priority"),
    _text("fault_type"),
    _text("team"),
    _text("assignee"),
    Column("since_previous", Double, nullable=False),
    _text("prev"),
    _text("hash"),
    _text("data"),
    PrimaryKeyConstraint("tenant", "order_id", "seq"),
    _index("events_at", "tenant", "at"),
)

workload = Table(
    "workload",
    metadata,
    _tenant(),
    Column("scope", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("staff_id", Text, nullable=False),
    _int("jobs"),
    PrimaryKeyConstraint("tenant", "scope", "ref", "staff_id"),
    comment="Counted as work orders are saved: open jobs, past jobs per customer and per asset",
)

counters = Table(
    "counters",
    metadata,
    _tenant(),
    Column("name", Text, nullable=False),
    _int("value"),
    PrimaryKeyConstraint("tenant", "name"),
)

timers = Table(
    "timers",
    metadata,
    _id(),
    _tenant(),
    _text("subject"),
    _text("step"),
    _int("due"),
    _int("generation"),
    _text("state"),
    _text("reason"),
    _instant("fired_at"),
    _text("holder"),
    UniqueConstraint("tenant", "subject", "generation"),
    Index("uq_timers_open", "tenant", "subject", unique=True, **_where("state = 'open'")),
    _index("timers_due", "tenant", "due", where="state = 'open'"),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _tenant(),
    Column("key", Text, nullable=False),
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
    _instant("lease_until"),
    _instant("tried_at"),
    _instant("sent_at"),
    _text("error"),
    _text("message_id"),
    _text("degraded"),
    _text("superseded_by"),
    _text("doc"),
    _text("holder"),
    UniqueConstraint("tenant", "key"),
    _index("outbox_urgent", "tenant", "urgency", "id", "next_at", where="state = 'pending'"),
    _index("outbox_next", "tenant", "next_at", where="state = 'pending'"),
    _index("outbox_topic", "tenant", "topic", "channel", "chat", where="state = 'pending'"),
    _index("outbox_out", "tenant", "urgency", "id", where="state = 'sending'"),
    _index("outbox_speaking", "tenant", "channel", "chat", where="state = 'sending'"),
    _index("outbox_said", "tenant", "channel", "chat", "sent_at", where="state = 'sent'"),
    _index("outbox_dead", "tenant", "id", where="state = 'dead'"),
    _index("outbox_order", "tenant", "order_id", "id"),
    _index("outbox_person", "tenant", "person", "created_at"),
)

living_cards = Table(
    "living_cards",
    metadata,
    _tenant(),
    Column("topic", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("chat", Text, nullable=False),
    _text("order_id"),
    _text("message_id"),
    _int("at"),
    _int("ended", NEVER),
    PrimaryKeyConstraint("tenant", "topic", "channel", "chat"),
    _index("living_cards_place", "tenant", "channel", "chat", "ended", "order_id"),
    _index("living_cards_order", "tenant", "order_id"),
)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    _int("since"),
    _int("beat"),
    comment="Processes that take work, by the names in the holder columns; times are the server's",
)

inbox = Table(
    "inbox",
    metadata,
    _id(),
    _tenant(),
    Column("dedupe_key", Text, nullable=False),
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
    _text("holder"),
    UniqueConstraint("tenant", "dedupe_key"),
    _index("inbox_waiting", "tenant", "conversation", "id", where="state = 'waiting'"),
    _index("inbox_order", "tenant", "order_id", "id"),
)

posts = Table(
    "posts",
    metadata,
    _id(),
    _tenant(),
    _text("channel"),
    _text("chat"),
    _text("message"),
    _int("at"),
    _text("doc"),
    _index("posts_place", "tenant", "channel", "chat", "id"),
    Index(
        "uq_posts_message",
        "tenant",
        "channel",
        "chat",
        "message",
        unique=True,
        **_where("message <> ''"),
    ),
)

dialogues = Table(
    "dialogues",
    metadata,
    _tenant(),
    Column("channel", Text, nullable=False),
    Column("chat", Text, nullable=False),
    Column("sender", Text, nullable=False),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "channel", "chat", "sender"),
)

cases = Table(
    "cases",
    metadata,
    _tenant(),
    Column("id", Text, nullable=False),
    _text("kind"),
    _text("state"),
    _int("at"),
    _text("order_id"),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "id"),
    _index("cases_open", "tenant", "at", "id", where="state = 'open'"),
    _index("cases_at", "tenant", "at"),
    _index("cases_order", "tenant", "order_id"),
)

customers = Table(
    "customers",
    metadata,
    _tenant(),
    Column("id", Text, nullable=False),
    _text("name"),
    _text("phone"),
    _text("haystack"),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "id"),
    _index("customers_phone", "tenant", "phone", "id"),
)

assets = Table(
    "assets",
    metadata,
    _tenant(),
    Column("id", Text, nullable=False),
    _text("name"),
    _text("serial"),
    _text("token"),
    _text("customer_id"),
    _text("place_key"),
    _text("haystack"),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "id"),
    _index("assets_serial", "tenant", "serial", "id"),
    _index("assets_token", "tenant", "token", "id"),
    _index("assets_place", "tenant", "place_key", "id"),
)

identities = Table(
    "identities",
    metadata,
    _tenant(),
    Column("channel", Text, nullable=False),
    Column("user", Text, nullable=False),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "channel", "user"),
)

readings = Table(
    "readings",
    metadata,
    _tenant(),
    Column("message", Text, nullable=False),
    _int("at"),
    _text("order_id"),
    _text("intent"),
    _text("fault_type"),
    _text("priority"),
    Column("sure_intent", Double, nullable=False),
    Column("sure_fault_type", Double, nullable=False),
    Column("sure_priority", Double, nullable=False),
    Column("familiarity", Double, nullable=False),
    _int("doubtful"),
    _int("reviewed"),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "message"),
    _index(
        "readings_at",
        *("tenant", "at", "intent", "fault_type", "priority", "sure_intent", "sure_fault_type"),
        *("sure_priority", "familiarity", "doubtful"),
    ),
    _index("readings_waiting", "tenant", "at", where="doubtful = 1 AND reviewed = 0"),
    _index("readings_order", "tenant", "order_id"),
    comment="What was understood of customers' messages",
)

corrections = Table(
    "corrections",
    metadata,
    _tenant(),
    Column("id", Text, nullable=False),
    _text("message"),
    _text("head"),
    _int("at"),
    _int("undone"),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "id"),
    _index("corrections_at", "tenant", "at", where="undone = 0"),
    _index("corrections_message", "tenant", "message"),
    comment="What people said of what was understood; what was taken back has undone 1",
)

models = Table(
    "models",
    metadata,
    _tenant(),
    Column("name", Text, nullable=False),
    _int("made_at"),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "name"),
    comment="Models trained on this company's corrections; the weights are attachments",
)

model_moves = Table(
    "model_moves",
    metadata,
    _id(),
    _tenant(),
    _text("act"),
    _text("model"),
    _text("doc"),
    _index("model_moves_tenant", "tenant", "id"),
    comment="The journal of models: made, promoted, rolled back, by whom",
)

presence = Table(
    "presence",
    metadata,
    _tenant(),
    Column("staff_id", Text, nullable=False),
    _text("doc"),
    PrimaryKeyConstraint("tenant", "staff_id"),
)

ledger = Table(
    "ledger",
    metadata,
    _tenant(),
    Column("key", Text, nullable=False),
    _int("at"),
    PrimaryKeyConstraint("tenant", "key"),
)

channel_notes = Table(
    "channel_notes",
    metadata,
    _tenant(),
    Column("area", Text, nullable=False),
    Column("key", Text, nullable=False),
    _text("value"),
    _int("until", NEVER),
    PrimaryKeyConstraint("tenant", "area", "key"),
)

clock_offsets = Table(
    "clock_offsets",
    metadata,
    _tenant(),
    _int("micros"),
    PrimaryKeyConstraint("tenant"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("blob", Text, nullable=False),
    _text("mime"),
    _int("size"),
    _int("at"),
    PrimaryKeyConstraint("blob"),
)
