"""Bringing a company, its people, customers and assets into the store, again and again.

Everything goes by id, so the same file twice changes nothing. One unit of work a file: it comes in
whole or, with problems, not at all, unless ``partial`` is asked for.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeVar

from paidan.company_file import Loaded
from paidan.company_file.checks import broken_rules
from paidan.company_file.dumping import document_of
from paidan.problems import Problem
from paidan.tables import ImportResult, Row, decode_table, import_rows
from workflow.company import Asset, Company, Customer, Identity, Site, Staff
from workflow.errors import InvalidInput
from workflow.knowledge import Article
from workflow.ports import Store, UnitOfWork

__all__ = [
    "Outcome",
    "decode_table",
    "identities",
    "import_rows",
    "store_company",
    "store_rows",
]

CONSOLE: Final = "console"
SANDBOX: Final = "sandbox"
FILE: Final = "import"
"""By whom an article is said to be written when it comes from a file."""
_SITE: Final = {"region": "region", "place": "name", "lat": "lat", "lon": "lon"}

Record = TypeVar("Record", Staff, Customer, Asset)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did: records by what became of them, and the rows that were refused."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Count:
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: list[Problem] = field(default_factory=list)

    def note(self, old: object, new: object) -> bool:
        """Count a record; True when it has to be written."""
        if old is None:
            self.added += 1
        elif old == new:
            self.unchanged += 1
        else:
            self.changed += 1
        return old != new

    def outcome(self) -> Outcome:
        return Outcome(self.added, self.changed, self.unchanged, tuple(self.errors))


async def store_company(store: Store, tenant: str, loaded: Loaded, by: str = FILE) -> Outcome:
    """Store a company file under ``tenant``: rules and people as the file has them, customers and
    assets added or changed by id, platform identities linked.

    Articles are added or changed by id, each change a new version.

    What the file leaves empty and daily work fills in stays: ratings, accounts bound by invite,
    chats customers were last seen in, asset tokens. Assets without a token get a random one.
    """
    tokens = _tokens(asset.id for asset in loaded.assets)

    def work(uow: UnitOfWork) -> Outcome:
        count = _Count()
        company = _remember(_stored(uow), replace(loaded.company, tenant=tenant))
        uow.put_company(company)
        _put_customers(uow, loaded.customers, count)
        _put_assets(uow, loaded.assets, tokens, count)
        _put_articles(uow, loaded.articles, count, by)
        _put_identities(uow, identities(company, loaded.customers))
        return count.outcome()

    return await store.transact(tenant, work)


async def store_rows(
    store: Store, tenant: str, result: ImportResult, *, partial: bool = False, by: str = FILE
) -> Outcome:
    """Store a table's rows. With errors nothing is written, unless ``partial``: then the good rows
    are. Columns the table does not have stay as they are stored.

    Raises:
        InvalidInput: this tenant has no company yet.
    """
    if result.errors and not (partial and result.rows):
        return Outcome(errors=result.errors)
    tokens = _tokens(row.id for row in result.rows)

    def work(uow: UnitOfWork) -> Outcome:
        count = _Count(errors=list(result.errors))
        if result.kind == "staff":
            _put_staff_rows(uow, result, partial, count)
        elif result.kind == "assets":
            _put_asset_rows(uow, result, partial, tokens, count)
        elif result.kind == "knowledge":
            written = [_written(uow.articles.get(row.id), row) for row in result.rows]
            _put_articles(uow, written, count, by)
        else:
            rows = [_merged(Customer, uow.people.customer(r.id), r) for r in result.rows]
            _put_customers(uow, rows, count)
        return count.outcome()

    return await store.transact(tenant, work)


def identities(company: Company, customers: Iterable[Customer] = ()) -> tuple[Identity, ...]:
    """Who the platform users of a company file are: staff by their handles and, on the console,
    by their id; customers by their chat in the sandbox.
    """
    found = []
    for staff in company.staff.values():
        for channel, user in {**staff.handles, CONSOLE: staff.id}.items():
            found.append(Identity(channel, user, staff.role, staff.id, staff.name))
    for customer in customers:
        for place in customer.contacts:
            if place.channel == SANDBOX:
                user = place.chat.removeprefix("customer:")
                found.append(Identity(SANDBOX, user, "customer", customer.id, customer.name))
    return tuple(found)


# --- company file -----------------------------------------------------------------------------


def _stored(uow: UnitOfWork) -> Company | None:
    """The company as stored, None before the first import."""
    try:
        return uow.company
    except InvalidInput:
        return None


def _remember(old: Company | None, new: Company) -> Company:
    """Ratings come from customers, and accounts from invites: a file that lists none must not wipe
    them. On the channels that a file does name for somebody, it decides.
    """
    if old is None:
        return new
    staff = {
        id_: _renewed(old.staff[id_], s) if id_ in old.staff else s for id_, s in new.staff.items()
    }
    return replace(new, staff=staff)


def _renewed(old: Staff, new: Staff) -> Staff:
    named = {place.channel for place in new.contacts}
    bound = tuple(place for place in old.contacts if place.channel not in named)
    return replace(
        new,
        ratings=new.ratings or old.ratings,
        contacts=(*new.contacts, *bound),
        handles={**old.handles, **new.handles},
    )


def _put_customers(uow: UnitOfWork, customers: Iterable[Customer], count: _Count) -> None:
    for customer in customers:
        old = uow.people.customer(customer.id)
        kept = customer.contacts or (old.contacts if old else ())
        new = replace(customer, contacts=kept)
        if old is not None:
            new = replace(new, was=old.was, now=old.now)
        if count.note(old, new):
            uow.people.put_customer(new)


def _put_assets(
    uow: UnitOfWork, assets: Iterable[Asset], tokens: Mapping[str, str], count: _Count
) -> None:
    for asset in assets:
        old = uow.people.asset(asset.id)
        token = asset.token or (old.token if old else "") or tokens[asset.id]
        new = replace(asset, token=token)
        if count.note(old, new):
            uow.people.put_asset(new)


def _put_identities(uow: UnitOfWork, wanted: Iterable[Identity]) -> None:
    for identity in wanted:
        if uow.people.identity(identity.channel, identity.user) != identity:
            uow.people.put_identity(identity)


def _put_articles(uow: UnitOfWork, articles: Iterable[Article], count: _Count, by: str) -> None:
    for article in articles:
        old = uow.articles.get(article.id)
        if count.note(old, replace(article, version=old.version if old else 0)):
            uow.articles.put(article, by)


def _written(old: Article | None, row: Row) -> Article:
    """The stored article with the row's cells laid over it."""
    values: dict[str, Any] = dict(row.values)
    return replace(old, **values) if old else Article(**values)


def _tokens(ids: Iterable[str]) -> dict[str, str]:
    """A random address for each asset, drawn before the unit of work, which may run again."""
    return {id_: secrets.token_urlsafe(9) for id_ in ids}


# --- tables -----------------------------------------------------------------------------------


def _put_staff_rows(uow: UnitOfWork, result: ImportResult, partial: bool, count: _Count) -> None:
    company = uow.company
    rows, errors = _sound(
        result.rows,
        lambda kept: _staff_errors(_with_staff(company, kept), kept, result.file),
    )
    count.errors += errors
    if errors and not (partial and rows):
        return
    renewed = _with_staff(company, rows)
    for row in rows:
        count.note(company.staff.get(row.id), renewed.staff[row.id])
    if renewed != company:
        uow.put_company(renewed)
    _put_identities(uow, identities(renewed))


def _put_asset_rows(
    uow: UnitOfWork,
    result: ImportResult,
    partial: bool,
    tokens: Mapping[str, str],
    count: _Count,
) -> None:
    def unknown_owners(rows: Sequence[Row]) -> Iterator[Problem]:
        for row in rows:
            owner = row.values.get("customer_id")
            if owner and uow.people.customer(str(owner)) is None:
                yield Problem(result.file, row.row, "customer_id", str(owner), "known_customer")

    rows, errors = _sound(result.rows, unknown_owners)
    count.errors += errors
    if not errors or partial:
        merged = [_merged(Asset, uow.people.asset(row.id), row) for row in rows]
        _put_assets(uow, merged, tokens, count)


def _sound(
    rows: Sequence[Row], review: Callable[[Sequence[Row]], Iterable[Problem]]
) -> tuple[list[Row], list[Problem]]:
    """The rows that stand without the wrong ones, and what was wrong with those. A row may lean on
    one that falls (a supervisor in the same table), so it is looked at again until nothing falls.
    """
    kept, errors = list(rows), []
    while found := list(review(kept)):
        errors += found
        fallen = {problem.line for problem in found}
        left = [row for row in kept if row.row not in fallen]
        kept = left if len(left) < len(kept) else []
    return kept, errors


def _with_staff(company: Company, rows: Iterable[Row]) -> Company:
    staff = dict(company.staff)
    for row in rows:
        staff[row.id] = _merged(Staff, staff.get(row.id), row)
    return replace(company, staff=staff)


def _staff_errors(company: Company, rows: Iterable[Row], file: str) -> list[Problem]:
    """What the company's rules say about it with these rows, each at the row it is about."""
    ids = list(company.staff)
    row_of = {row.id: row.row for row in rows}
    errors: list[Problem] = []

    def say(key: str, found: str, rule: str, *values: str) -> None:
        about, _, column = key.partition("].")
        index = about.removeprefix("staff[")
        row = row_of.get(ids[int(index)], 0) if about.startswith("staff[") else 0
        errors.append(Problem(file, row, column or key, found, rule, values))

    broken_rules(document_of(company), say)
    return errors


def _merged(kind: type[Record], old: Record | None, row: Row) -> Record:
    """The stored record with the row's cells laid over it; a new one when there is none."""
    own = {f.name for f in fields(kind)}
    plain: dict[str, Any] = {k: v for k, v in row.values.items() if k in own}
    site: dict[str, Any] = {_SITE[k]: v for k, v in row.values.items() if k in _SITE}
    plain["site"] = replace(old.site if old else Site(), **site)
    if isinstance(old, Customer) and plain.get("phone", old.phone) != old.phone:
        plain["phone_told"] = False
    return replace(old, **plain) if old else kind(**plain)
