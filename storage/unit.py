"""The unit of work: one tenant's transaction, as ``workflow.ports.UnitOfWork`` describes it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, literal_column, select, text

from storage.articles import SqlArticles
from storage.codec import decode_company, decoder, encode, encode_company, micros
from storage.conversations import SqlCases, SqlChatLog, SqlDialogues, SqlInbox
from storage.database import Insert, Session, Sql, lock_number
from storage.learning import SqlModels, SqlReadings
from storage.orders import SqlOrders
from storage.outbox import SqlOutbox
from storage.people import SqlPeople
from storage.schema import companies, ledger, policies
from storage.scope import Scope
from storage.surges import SqlSurges
from storage.timers import SqlTimers
from workflow.company import Company
from workflow.errors import InvalidInput, UnknownTicket
from workflow.learning import Models, Readings
from workflow.policy import Policy
from workflow.ports import (
    Articles,
    Cases,
    ChatLog,
    Dialogues,
    Inbox,
    Orders,
    Outbox,
    People,
    Surges,
    Timers,
)

decode_policy = decoder(Policy)

_NEWEST = Sql(
    select(companies.c.version)
    .where(companies.c.tenant == bindparam("tenant"))
    .order_by(companies.c.id.desc())
    .limit(literal_column("1"))
)
_COMPANY = Sql(
    select(companies.c.doc)
    .where(companies.c.tenant == bindparam("tenant"), companies.c.version == bindparam("version"))
    .order_by(companies.c.id.desc())
    .limit(literal_column("1"))
)
_PUT_COMPANY = Sql(
    insert(companies).values({n: bindparam(n) for n in ("tenant", "version", "at", "doc")})
)
_POLICY = Sql(
    select(policies.c.doc).where(
        policies.c.tenant == bindparam("tenant"), policies.c.version == bindparam("version")
    )
)
_LOCK = Sql(text("SELECT pg_advisory_xact_lock(:number)"))


def _keep_policy(insert: Insert) -> Any:
    row = insert(policies).values({n: bindparam(n) for n in ("tenant", "version", "doc")})
    return row.on_conflict_do_update(
        index_elements=["tenant", "version"], set_={"doc": row.excluded.doc}
    )


def _first_time(insert: Insert) -> Any:
    row = insert(ledger).values({n: bindparam(n) for n in ("tenant", "key", "at")})
    return row.on_conflict_do_nothing(index_elements=["tenant", "key"])


_PUT_POLICY = Sql(_keep_policy)
_LEDGER = Sql(_first_time)


@dataclass(slots=True)
class Shared:
    """What all units of one store have in common. Companies and policies are kept by content,
    so that a rolled-back version can never be mistaken for a stored one.
    """

    now: Callable[[str], datetime]
    new_id: Callable[[], str]
    companies: dict[tuple[str, str], Company] = field(default_factory=dict)
    policies: dict[tuple[str, str], Policy] = field(default_factory=dict)


class SqlUnitOfWork:
    """Implements ``workflow.ports.UnitOfWork`` on one connection, for one tenant."""

    company: Company

    def __init__(self, tenant: str, session: Session, shared: Shared) -> None:
        self.tenant = tenant
        self._shared = shared
        self._sql = session
        self.scope = Scope(tenant, session, lambda: shared.now(tenant))
        self.orders: Orders = SqlOrders(self.scope)
        self.timers: Timers = SqlTimers(self.scope)
        self.outbox: Outbox = SqlOutbox(self.scope)
        self.people: People = SqlPeople(self.scope)
        self.dialogues: Dialogues = SqlDialogues(self.scope)
        self.cases: Cases = SqlCases(self.scope)
        self.inbox: Inbox = SqlInbox(self.scope)
        self.chat_log: ChatLog = SqlChatLog(self.scope)
        self.surges: Surges = SqlSurges(self.scope)
        self.articles: Articles = SqlArticles(self.scope)
        self.readings: Readings = SqlReadings(self.scope)
        self.models: Models = SqlModels(self.scope)

    def __getattr__(self, name: str) -> Company:
        """``company`` is read when it is first asked for; many units never do.

        Raises:
            InvalidInput: this tenant has no company yet.
        """
        if name != "company":
            raise AttributeError(name)
        self.company = self._newest()
        return self.company

    def _newest(self) -> Company:
        row = self._sql.first(_NEWEST, tenant=self.tenant)
        if row is None:
            raise InvalidInput(
                field="tenant", found=self.tenant, allowed="a tenant whose company is stored"
            )
        key = (self.tenant, row[0])
        if key not in self._shared.companies:
            doc = self._sql.first(_COMPANY, tenant=self.tenant, version=row[0])
            assert doc is not None  # noqa: S101 - its version was read in this transaction
            self._shared.companies[key] = decode_company(doc[0])
        return self._shared.companies[key]

    def policy(self, version: str) -> Policy:
        current = self.company.policy
        if not version or version == current.version:
            return current
        key = (self.tenant, version)
        if key not in self._shared.policies:
            row = self._sql.first(_POLICY, tenant=self.tenant, version=version)
            if row is None:
                return current
            self._shared.policies[key] = decode_policy(row[0])
        return self._shared.policies[key]

    def new_id(self) -> str:
        return self._shared.new_id()

    def put_company(self, company: Company) -> None:
        if company.tenant != self.tenant:
            raise UnknownTicket(company=company.tenant)
        doc = encode_company(company)
        version = hashlib.sha256(doc.encode()).hexdigest()[:16]
        newest = self._sql.first(_NEWEST, tenant=self.tenant)
        if newest is None or newest[0] != version:
            at = micros(self.scope.now())
            self._sql.change(_PUT_COMPANY, tenant=self.tenant, version=version, at=at, doc=doc)
        policy = company.policy
        self._sql.change(
            _PUT_POLICY, tenant=self.tenant, version=policy.version, doc=encode(policy)
        )
        self._shared.policies.pop((self.tenant, policy.version), None)
        self.__dict__.pop("company", None)
        self.scope.touch("people")

    def ledger(self, key: str) -> bool:
        at = micros(self.scope.now())
        return self._sql.change(_LEDGER, tenant=self.tenant, key=key, at=at) == 1

    def lock(self, name: str) -> None:
        """Hold everybody else of this tenant off ``name`` until the commit. SQLite has one writer
        anyway; on PostgreSQL it is an advisory lock.
        """
        if self._sql.dialect == "postgresql":
            self._sql.first(_LOCK, number=lock_number(self.tenant, name))
