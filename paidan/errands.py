"""What the command line does with the store and the model, without its words.

Each errand opens what it needs and closes it again; none needs the program to be running, and
none disturbs it when it is.
"""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast

from paidan.company_file import dump_company, load_company
from paidan.importing import Outcome, decode_table, import_rows, store_company, store_rows
from paidan.markdown import read_markdown
from paidan.problems import InvalidFile, Problem
from paidan.settings import Settings
from paidan.tables import COLUMNS, Kind
from workflow.company import Company
from workflow.errors import InvalidInput, UnknownTicket
from workflow.ports import UnitOfWork
from workflow.records import Action, ChatRef, Inbound, Receipt
from workflow.vocabulary import Term

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from bots.gateway.adapter import Adapter, Finding
    from nlp import Understander
    from paidan.voice.stenographer import Heard
    from storage import SqlStore

T = TypeVar("T")

EVERYBODY: Final = 10_000_000
"""More customers or assets than a company has."""

_KIND_NAMES: Final = {
    "员工": "staff",
    "客户": "customers",
    "设备": "assets",
    "知识": "knowledge",
}
_MARKDOWN: Final = frozenset({".md", ".markdown"})


def tidied(settings: Settings) -> Mapping[str, int]:
    """Let go of what was kept long enough; how many of each."""
    from paidan.retention import tidy

    return _with_store(settings, lambda store: tidy(store, settings.tenant, settings.retention))


def stored_company(settings: Settings) -> Company | None:
    """The company of the tenant served, None before it was imported."""

    async def work(store: SqlStore) -> Company | None:
        try:
            return await store.read(settings.tenant, lambda uow: uow.company)
        except InvalidInput:
            return None

    return _with_store(settings, work)


def import_file(
    settings: Settings, path: Path, kind: str | None = None, *, partial: bool = False
) -> Outcome:
    """Import ``company.yaml`` or a table, told apart by their names unless ``kind`` says.

    Raises:
        InvalidFile: it cannot be read; nothing was stored.
        InvalidInput: its kind cannot be told, or a table comes before the company.
    """
    if path.suffix.lower() in {".yaml", ".yml"} and kind in {None, "company"}:
        loaded = load_company(path)
        found = loaded.company.tenant
        if found != settings.tenant:
            key = "tenant"
            raise InvalidFile([Problem(str(path), 0, key, found, "one_of", (settings.tenant,))])
        return _with_store(settings, lambda store: store_company(store, settings.tenant, loaded))
    named = kind or next((k for k in _kinds() if path.stem.lower().startswith(k)), "")
    table = cast("Kind", _KIND_NAMES.get(named, named))
    if table not in COLUMNS:
        raise InvalidInput(field="kind", found=named or path.name, allowed=", ".join(COLUMNS))
    try:
        data = path.read_bytes()
    except OSError as error:
        problem = Problem(str(path), 0, "", "", "file", (error.strerror or str(error),))
        raise InvalidFile([problem]) from error
    text = decode_table(data, str(path))
    markdown = table == "knowledge" and path.suffix.lower() in _MARKDOWN
    result = read_markdown(text, str(path)) if markdown else import_rows(table, text, str(path))
    return _with_store(
        settings, lambda store: store_rows(store, settings.tenant, result, partial=partial)
    )


def export_company(settings: Settings) -> str:
    """The stored company with its customers and assets as ``company.yaml``.

    Raises:
        InvalidInput: this tenant has no company yet.
    """

    async def work(store: SqlStore) -> str:
        tenant = settings.tenant
        company = await store.read(tenant, lambda uow: uow.company)
        customers = await store.queries.customers(tenant, limit=EVERYBODY)
        assets = await store.queries.assets(tenant, limit=EVERYBODY)
        articles = await store.read(tenant, lambda uow: uow.articles.every())
        return dump_company(company, customers, assets, articles)

    return _with_store(settings, work)


def explain(settings: Settings, ref: str) -> str:
    """Every interval the clocks of a work order counted or did not, and why.

    Raises:
        UnknownTicket: no work order by this number.
    """
    from paidan.explain import text

    async def work(store: SqlStore) -> str:
        now = store.now(settings.tenant)

        def account(uow: UnitOfWork) -> str:
            order = uow.orders.find(ref)
            if order is None:
                raise UnknownTicket(ref=ref)
            return text(order, uow.company, uow.policy(order.policy_version), now)

        return await store.read(settings.tenant, account)

    return _with_store(settings, work)


def login_link(settings: Settings, staff_id: str) -> str:
    """A one-time link that signs this person in to the console.

    Raises:
        InvalidInput: nobody by this id.
    """
    from paidan.signing import login_path

    company = stored_company(settings)
    known = {s.id for s in company.staff.values() if s.active} if company else set()
    if staff_id not in known:
        raise InvalidInput(field="staff", found=staff_id, allowed=", ".join(sorted(known)))
    path = login_path(settings.secret(), settings.tenant, staff_id, datetime.now(UTC))
    return settings.public_url + path


def invite(settings: Settings, person_id: str) -> str:
    """What somebody sends in a chat to bind their account there, as an employee or as a customer.

    Raises:
        InvalidInput: nobody by this id.
    """
    from bots.invites import Invites, Person, to_invite

    async def work(store: SqlStore) -> Person | None:
        return await store.read(settings.tenant, lambda uow: to_invite(uow, person_id))

    person = _with_store(settings, work)
    if person is None:
        raise InvalidInput(field="person", found=person_id, allowed="staff / customers")
    return Invites(settings.secret()).code(settings.tenant, person, datetime.now(UTC))


def action_link(settings: Settings, do: str, ref: str, staff_id: str) -> str:
    """A one-time link, good for a day, that presses one button for a colleague whom no chat
    reaches: to be sent by SMS, mail or word of mouth. It shows what it would do before it does it,
    and is refused like any old card when the work order has moved on.

    Raises:
        UnknownTicket: no work order by this number.
        InvalidInput: nobody by this id, or no such action.
    """
    from bots.rights import NEEDS
    from paidan.signing import action_path

    if do not in NEEDS:
        raise InvalidInput(field="do", found=do, allowed=", ".join(sorted(NEEDS)))
    company = stored_company(settings)
    known = {s.id for s in company.staff.values() if s.active} if company else set()
    if staff_id not in known:
        raise InvalidInput(field="staff", found=staff_id, allowed=", ".join(sorted(known)))

    async def work(store: SqlStore) -> Action:
        order = await store.read(settings.tenant, lambda uow: uow.orders.find(ref))
        if order is None:
            raise UnknownTicket(ref=ref)
        return Action(do, order.id, str(order.state), order.generation)

    action = _with_store(settings, work)
    now = datetime.now(UTC)
    return settings.public_url + action_path(
        settings.secret(), settings.tenant, staff_id, action, now
    )


def alarm_token(settings: Settings) -> str:
    """The bearer token with which devices may raise alarms."""
    from paidan.signing import alarm_token as token

    return token(settings.secret(), settings.tenant)


def transcribe_file(settings: Settings, path: Path, names: tuple[str, ...]) -> Heard:
    """What is said in a voice clip.

    Raises:
        Lacking: something that puts voice into words is not there.
    """
    from paidan.voice.sound import LARGEST
    from paidan.voice.stenographer import Heard
    from paidan.voice.trial import once

    with path.open("rb") as file:
        clip = file.read(LARGEST + 1)
    return asyncio.run(once(settings.voice, clip, names)) if clip else Heard(why="unreadable")


def understander(folder: Path, progress: Callable[[str], None]) -> Understander:
    """The reader of sentences, trained into ``folder`` first when it is not there."""
    from nlp import Understander

    return Understander.load(folder, progress)


def understand_lines(
    reader: Understander, source: Iterable[str], own: Sequence[Term] = ()
) -> Iterator[str]:
    """One JSON line for each JSON line; ``own`` are a company's words."""
    from nlp.jsonl import lines

    return lines(source, reader, own)


def pair_lines(reader: Understander, source: Iterable[str]) -> Iterator[str]:
    """One JSON line for each JSON line with two reports."""
    from nlp.jsonl import pairs

    judge = reader.same_incident
    assert judge is not None  # noqa: S101 - a loaded reader has one
    return pairs(source, judge)


def _kinds() -> tuple[str, ...]:
    return (*COLUMNS, *_KIND_NAMES)


def _with_store(settings: Settings, work: Callable[[SqlStore], Awaitable[T]]) -> T:
    from storage import open_store

    async def run() -> T:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        async with open_store(settings.database_url, settings.blobs) as store:
            return await work(store)

    return asyncio.run(run())


def examine_channel(settings: Settings, name: str) -> list[Finding]:
    """What keeps a chat channel from working: its address, its credentials, its platform's rules.

    Raises:
        InvalidInput: there is no channel of this name.
    """
    from bots.channel import ChannelError
    from bots.gateway.adapter import Finding
    from paidan.channels.door import compare_clocks

    section = getattr(settings.channels, name, None)
    if section is None:
        known = ", ".join(type(settings.channels).model_fields)
        raise InvalidInput(field="channel", found=name, allowed=known)
    if not section.on:
        return [Finding("fail", "channel_off", (name, name))]

    async def work(adapter: Adapter, http: ClientSession) -> list[Finding]:
        found = await _door(settings, name, http) if section.called else []
        if section.address:
            found += await compare_clocks(http, section.address, lambda: datetime.now(UTC))
        try:
            return [*found, *await adapter.check()]
        except ChannelError as error:
            return [*found, Finding("fail", "channel_failed", (name, error.why))]

    return with_adapter(settings, name, work)


def try_channel(settings: Settings, name: str, to: ChatRef) -> Receipt | Finding:
    """Send a card as people will get them into one chat; what to mend, where the channel knows.

    Raises:
        InvalidInput: there is no channel of this name, or it has no account.
        ChannelError: the platform did not take it.
    """
    from bots.channel import ChannelError
    from bots.gateway.adapter import Explaining
    from notifier.mailbox import fit
    from notifier.wording import Words
    from paidan.channels.sample import sample

    async def work(adapter: Adapter, _http: ClientSession) -> Receipt | Finding:
        now = datetime.now(UTC)
        outgoing, _ = fit(
            sample(settings.tenant, to, now),
            adapter.capabilities,
            Words(settings.locale, "UTC", now),
        )
        try:
            return await adapter.send(outgoing)
        except ChannelError as refusal:
            if isinstance(adapter, Explaining):
                return adapter.explain(refusal)
            raise

    return with_adapter(settings, name, work)


async def _door(settings: Settings, name: str, http: ClientSession) -> list[Finding]:
    """Whether the platform gets to our door for this channel."""
    from bots.gateway.adapter import Finding
    from paidan.channels.door import knock

    address = f"{settings.public_url.rstrip('/')}/hooks/{name}"
    found = await knock(
        http, address, name, settings.secret(), datetime.now(UTC), settings.local_url
    )
    if settings.public_url.startswith("https://"):
        return found
    unsafe = Finding("warn", "callback_private", (address,))
    return [unsafe, *(one for one in found if one.code != "door_private")]


def with_adapter(
    settings: Settings, name: str, work: Callable[[Adapter, ClientSession], Awaitable[T]]
) -> T:
    """Work with the adapter of one channel.

    Raises:
        InvalidInput: there is no channel of this name, or it has no account.
    """
    from paidan.channels.running import plug
    from paidan.compose import client

    section = getattr(settings.channels, name, None)
    if section is None or not section.on:
        known = ", ".join(on for on, _ in settings.channels.opened()) or "channels.*"
        raise InvalidInput(field="channel", found=name, allowed=known)

    async def nobody(inbound: Inbound) -> None:
        """A command line takes no messages in."""

    async def run(store: SqlStore) -> T:
        async with client() as http:
            adapters = plug(
                settings.channels,
                settings.tenant,
                store,
                http,
                nobody,
                public_url=settings.http.public_url,
                secret=settings.secret(),
            )
            try:
                return await work(adapters[name], http)
            finally:
                for adapter in adapters.values():
                    await adapter.close()

    return _with_store(settings, run)
