"""What the business needs from the outside, as Protocols that others implement.

A unit of work is opened for one tenant and sees no other. It runs in the writer's thread: plain
synchronous calls, no I/O of its own, and it may be run again, so it has no effects besides these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar

from workflow.company import Asset, Company, Customer, Identity, Presence
from workflow.events import Event
from workflow.kept import Admitted, Case, KnownSurge, Load, Match, Post, Queued, Seen, Timer
from workflow.knowledge import Article, Usage, Use
from workflow.learning import Models, Readings
from workflow.policy import Policy
from workflow.records import ChatRef, Dialogue, Facts, Inbound, Notice, Receipt
from workflow.work_order import WorkOrder

T = TypeVar("T")


# --- the unit of work -------------------------------------------------------------------------


class Orders(Protocol):
    """Work orders and their histories."""

    def get(self, order_id: str) -> WorkOrder:
        """Raises UnknownTicket."""
        ...

    def find(self, ref: str) -> WorkOrder | None:
        """By id, full number, or the number's tail (``7`` → today's or the latest ``…-0007``)."""
        ...

    def history(self, order_id: str) -> Sequence[Event]: ...

    def next_number(self, prefix: str) -> str:
        """The next ``<prefix>-NNNN`` (prefix ``WO-20261121``); gaps are allowed, repeats never."""
        ...

    def save(self, order: WorkOrder, events: Sequence[Event], expected_version: int) -> None:
        """Insert (expected 0) or update guarded by version, and append the events.

        Raises:
            Conflict: the stored version is not ``expected_version``.
        """
        ...

    def matching(self, match: Match) -> Sequence[WorkOrder]:
        """Open work orders of the same fault type (or ``other``) that share at least one of the
        match's facts, newest first, at most 20. Also closed ones when closed after ``since``
        and sharing customer, asset or phone (for recurrences); check ``open``. After them the
        newest open ones of any kind opened after ``recent``, at most 50.
        """
        ...

    def open_of_customer(self, customer_id: str) -> Sequence[WorkOrder]: ...

    def of_chat(self, place: ChatRef, sender: str = "") -> Sequence[WorkOrder]:
        """Open work orders reported in this chat (by this sender), and those closed within the
        last 7 days, newest first, at most 20.
        """
        ...

    def open_for_staff(self, staff_id: str) -> Sequence[WorkOrder]:
        """Assigned or offered to this person and not closed, most urgent first."""
        ...

    def shown_in(self, place: ChatRef) -> Sequence[WorkOrder]:
        """Open work orders that have a living card in this chat, newest first, at most 50."""
        ...

    def loads(self, customer_id: str, asset_id: str) -> Mapping[str, Load]:
        """By staff id; people without any job may be absent."""
        ...

    def answers_in(self, since: datetime) -> Mapping[str, timedelta]:
        """By staff id, the mean time from report to first answer over what was opened since then;
        of very many the newest 2,000.
        """
        ...

    def of_asset(self, asset_id: str, limit: int) -> Sequence[WorkOrder]: ...


class Timers(Protocol):
    """One open timer a subject."""

    def open(self, subject: str) -> Timer | None: ...

    def arm(self, subject: str, step: str, due: datetime) -> None:
        """Replace whatever is open for the subject; an equal one stays as it is."""
        ...

    def cancel(self, subject: str, reason: str) -> None: ...

    def fire(self, subject: str, step: str, generation: int, at: datetime) -> bool:
        """Mark it fired if it is still open in this generation; False: somebody else did."""
        ...

    def hinder(self, subject: str, generation: int, why: str) -> None:
        """Note why it could not be taken, if it is still open in this generation; it stays so."""
        ...


class Outbox(Protocol):
    """Notices planned by this unit."""

    def add(self, notice: Notice) -> bool:
        """False when the key is already there. A pending notice of the same topic and chat is
        marked superseded by this one.
        """
        ...

    def cancel(self, order_id: str, reason: str, keep: Iterable[str] = ()) -> int:
        """Supersede this work order's pending notices, except kinds in ``keep``."""
        ...

    def sent_to(self, person: str, since: datetime) -> int:
        """How many interrupting notices (not cards, not replies) this person got since."""
        ...

    def confirmed(self, order_id: str, role: str) -> bool:
        """Whether any notice of this work order for this role was confirmed sent."""
        ...

    def came_back(self, order_id: str, message_id: str, why: str) -> Sequence[Queued]:
        """The notices that this message carried were not delivered after all: they are dead now."""
        ...

    def retry(self, notice_id: int) -> None:
        """Put a dead notice back in the queue (a supervisor's button)."""
        ...


class People(Protocol):
    """Customers, assets, identities, presence."""

    def customer(self, customer_id: str) -> Customer | None: ...
    def customer_by_phone(self, phone: str) -> Customer | None:
        """Whoever has this number: rather one to whom it belongs for sure than one who only wrote
        it.
        """
        ...

    def put_customer(self, customer: Customer) -> None: ...
    def asset(self, asset_id: str) -> Asset | None: ...
    def asset_by_serial(self, serial: str) -> Asset | None: ...
    def asset_by_token(self, token: str) -> Asset | None: ...
    def assets_at(self, place: str) -> Sequence[Asset]: ...
    def put_asset(self, asset: Asset) -> None: ...
    def identity(self, channel: str, user: str) -> Identity | None: ...
    def put_identity(self, identity: Identity) -> None: ...
    def presence(self) -> Mapping[str, Presence]: ...
    def put_presence(self, presence: Presence) -> None: ...


class Dialogues(Protocol):
    """What we were talking about, per sender and chat."""

    def get(self, channel: str, chat: str, sender: str) -> Dialogue | None: ...
    def put(self, dialogue: Dialogue) -> None: ...


class Cases(Protocol):
    """The triage and complaint queues."""

    def get(self, case_id: str) -> Case | None: ...
    def put(self, case: Case) -> None: ...
    def open(self) -> Sequence[Case]: ...


class Inbox(Protocol):
    """Admitted messages."""

    def admit(self, inbound: Inbound) -> Admitted | None:
        """None when this dedupe key is already there."""
        ...

    def heads(self, limit: int) -> Sequence[Admitted]:
        """The oldest waiting message of each conversation."""
        ...

    def get(self, admitted_id: int) -> Admitted | None: ...

    def done(
        self, admitted_id: int, understanding: Facts, outcome: str, order_id: str = ""
    ) -> bool:
        """False when it was handled already (then the unit must change nothing else)."""
        ...

    def failed(self, admitted_id: int, error: str, park: bool) -> None: ...


class ChatLog(Protocol):
    """The lines of our own chats."""

    def append(self, post: Post) -> int:
        """Returns the new line's id; ``post.id`` is ignored. Same chat and message: replaced in
        place (a repaint), keeping id and time, setting ``edited_at``.
        """
        ...

    def lines(self, place: ChatRef, after: int = 0, limit: int = 200) -> Sequence[Post]: ...


class Surges(Protocol):
    """Reports counted by key and hour, and which keys have a surge now."""

    def remember(self, seen: Seen, *, counted: bool) -> None:
        """Keep a report under its keys. What is not ``counted`` belongs to a surge already and
        teaches nothing about what is usual.
        """
        ...

    def seen(self, order_id: str) -> Seen | None: ...

    def reports(self, key: str, since: datetime, until: datetime) -> Sequence[Seen]:
        """Counted reports in (since, until], oldest first, of very many the last 500; their
        ``keys`` are left empty.
        """
        ...

    def people(self, key: str, since: datetime, until: datetime, most: int) -> int:
        """How many different people reported in (since, until], counted up to ``most``."""
        ...

    def before(self, key: str, until: datetime, limit: int) -> Sequence[Seen]:
        """The last counted reports up to ``until``, newest first."""
        ...

    def hours(self, key: str, since: datetime) -> Mapping[datetime, int]:
        """Counted reports by the beginning of the hour (UTC); empty hours are absent."""
        ...

    def watched_since(self) -> datetime | None:
        """When the first report of this tenant was counted."""
        ...

    def set_aside(self, order_id: str) -> None:
        """It belongs to a surge: counted no longer."""
        ...

    def take_back(self, order_id: str) -> None:
        """It belongs to no surge after all: counted as usual."""
        ...

    def known(self, key: str, at: datetime) -> Sequence[KnownSurge]:
        """Those that take reports, and those quiet beyond ``at``."""
        ...

    def forget(self, keys: Iterable[str], before: datetime) -> None:
        """Drop what is too old to say anything of these keys."""
        ...

    def begin(self, key: str, order_id: str, words: str, at: datetime) -> bool:
        """Claim the key (with ``words``, for those alone) for this parent, exactly once; False when
        somebody else did.
        """
        ...

    def goes_on(self, order_id: str, at: datetime) -> None:
        """Another report came."""
        ...

    def end(self, order_id: str, quiet_until: datetime) -> None:
        """The parent takes no more; its key is quiet until then."""
        ...


class Articles(Protocol):
    """What the house can explain, every version of it, and how it was used."""

    def get(self, article_id: str) -> Article | None: ...

    def every(self) -> Sequence[Article]:
        """All articles, the inactive ones too, by id."""
        ...

    def put(self, article: Article, by: str) -> Article:
        """Store it as the next version; the same words again change nothing. The stored one."""
        ...

    def versions(self, article_id: str) -> Sequence[tuple[Article, datetime, str]]:
        """Each version with when and by whom it was written, newest first, at most 50."""
        ...

    def offered(self, use: Use) -> None:
        """Count an offer; the same subject and article again is the same offer."""
        ...

    def answered(self, subject: str, answer: str, at: datetime, *, deflected: bool) -> bool:
        """What became of the offer; False when that is known already."""
        ...

    def usage(self) -> Mapping[str, Usage]:
        """By article id; articles never offered may be absent."""
        ...


class UnitOfWork(Protocol):
    """One tenant's transaction."""

    tenant: str
    company: Company
    orders: Orders
    timers: Timers
    outbox: Outbox
    people: People
    dialogues: Dialogues
    cases: Cases
    inbox: Inbox
    chat_log: ChatLog
    surges: Surges
    articles: Articles
    readings: Readings
    models: Models

    def policy(self, version: str) -> Policy:
        """The rules of one version; an unknown version gives the current ones."""
        ...

    def new_id(self) -> str:
        """A sortable unique id (time-ordered, 26 characters)."""
        ...

    def put_company(self, company: Company) -> None:
        """Store a new snapshot of the company (staff, teams, queues, policy)."""
        ...

    def ledger(self, key: str) -> bool:
        """True the first time this key is seen: for things that must happen exactly once."""
        ...


class Store(Protocol):
    """The door to durable state."""

    async def transact(
        self,
        tenant: str,
        work: Callable[[UnitOfWork], T],
        *,
        key: str = "",
        lock: str = "",
        within: float | None = None,
    ) -> T:
        """Run ``work`` in the writer and return its result after the commit. Units with the same
        ``key`` run in the order they were given, and those of a tenant with the same ``lock`` one
        after another whatever process they run in. Whatever ``work`` raises undoes it alone.

        ``within`` is for what comes in from outside and can come again: the seconds its sender
        waits for. What the house has to do goes before it.

        Raises:
            Unavailable: the database is away, or could not take it ``within`` that time. It may
                then have been written all the same.
        """
        ...

    async def read(self, tenant: str, query: Callable[[UnitOfWork], T]) -> T:
        """Run a read-only ``query`` on a read connection; it never waits for the writer."""
        ...


Held = Literal["inbox", "timers", "outbox"]
"""What a process can have in hands."""


class Engine(Protocol):
    """The doors across tenants that the background loops claim work through."""

    @property
    def shared(self) -> bool:
        """Whether several processes may be at work on it."""
        ...

    async def tenants(self) -> Sequence[str]: ...

    async def due_timers(self, tenant: str, now: datetime, limit: int) -> Sequence[Timer]:
        """Open timers with ``due <= now``, earliest first: a look, not a claim."""
        ...

    async def claim_timers(self, tenant: str, now: datetime, limit: int) -> Sequence[Timer]:
        """The same without those another process is about to fire. Firing is still the guarded
        update inside the unit.
        """
        ...

    async def next_due(self, tenant: str) -> datetime | None:
        """When the earliest open timer or waiting notice of this tenant is due."""
        ...

    async def waiting_messages(self, tenant: str, limit: int) -> Sequence[Admitted]:
        """The oldest waiting message of each conversation: a look, not a claim."""
        ...

    async def claim_messages(self, tenant: str, limit: int) -> Sequence[Admitted]:
        """The same without those that some process, this one included, has in hand; they are in
        ours until :meth:`let_go`.
        """
        ...

    async def claim_notices(
        self, tenant: str, now: datetime, limit: int, without: Collection[str] = ()
    ) -> Sequence[Queued]:
        """Take pending notices whose time has come, and those whose sender is gone, most urgent
        first, then oldest. At most one living-card notice per topic and chat is out at a time, and
        one process at a time speaks into a chat. Nothing comes for the channels in ``without``.
        They are in our hands until :meth:`let_go`.
        """
        ...

    async def said_elsewhere(self, tenant: str, to: ChatRef, since: datetime) -> Sequence[datetime]:
        """When messages went into this chat that this process did not send."""
        ...

    def let_go(self, kind: Held, ids: Iterable[int]) -> None:
        """This process does nothing more with these: what was not settled may be claimed again."""
        ...

    def on_shift(self) -> bool:
        """Whether what this process claimed is certainly still its own: not if it was suspended,
        or cut off from the database, long enough for the others to take it for dead.
        """
        ...

    async def settle_notice(
        self,
        queued: Queued,
        *,
        at: datetime,
        receipt: Receipt | None = None,
        error: str = "",
        retry_at: datetime | None = None,
    ) -> None:
        """Record a send: a receipt (sent), an error with ``retry_at`` (pending again), or an
        error without (dead).
        """
        ...


class Blobs(Protocol):
    """Attachments by content."""

    async def put(self, data: bytes, mime: str) -> str:
        """Store and return the SHA-256 (hex).

        Raises:
            NoRoom: the disk takes nothing now.
        """
        ...

    async def get(self, blob: str) -> tuple[bytes, str] | None:
        """The bytes and their MIME type."""
        ...


class Notes(Protocol):
    """Small facts a channel keeps between calls: cursors, windows, tokens. A note may have a life;
    when that is over it is as if it had never been written.
    """

    async def get(self, key: str) -> str | None: ...

    async def put(self, key: str, value: str, life: timedelta | None = None) -> None: ...

    async def swap(
        self, key: str, old: str | None, new: str, life: timedelta | None = None
    ) -> bool:
        """Write ``new`` if ``old`` is what stands there (None: nothing does); False otherwise."""
        ...

    async def drop(self, key: str, old: str | None = None) -> None:
        """Remove it; with ``old`` only if that is what stands there."""
        ...


class Clock(Protocol):
    """The tenant's time: real time plus a persisted offset that only the sandbox moves."""

    def now(self, tenant: str) -> datetime: ...


# --- planning notices -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One handled command, for whoever plans notices: before, after, and all that happened."""

    before: WorkOrder | None
    order: WorkOrder
    events: tuple[Event, ...]
    company: Company
    policy: Policy
    now: datetime
    customer: Customer | None = None
    asset: Asset | None = None
    origin: ChatRef | None = None
    interruptions: Callable[[str], int] = lambda _person: 0
    """How many interrupting notices a person got in the last hour."""


Planner = Callable[[Change], Sequence[Notice]]
