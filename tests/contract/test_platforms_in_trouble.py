"""What every chat platform may count on when the database is slow, the caller hostile, or the
platform itself unwell.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bots.channel import Barred, Capabilities
from bots.degrade import visible
from bots.front_desk import FrontDesk
from paidan.console.pages.hooks import LIMIT
from tests.contract.test_platforms import FAULT, PLATFORMS, has
from tests.vendors.dingtalk import DingTalkByHttp, LinkedDingTalk
from tests.vendors.ear import Ear
from tests.vendors.mail import FakeMail
from tests.vendors.platform import TENANT, Platform, Town, town
from tests.vendors.sms import FakeSms
from tests.vendors.telegram import FakeTelegram
from tests.vendors.wechat import FakeWechat
from tests.vendors.wecom import FakeWecom
from tests.waiting import wait_until
from workflow.kept import Admitted
from workflow.ports import UnitOfWork
from workflow.records import ChatRef, Notice, Outgoing, Urgency
from workflow.states import State

CHAT = [kind for kind in PLATFORMS if not issubclass(kind, FakeMail)]
WITH_TOKENS = [kind for kind in CHAT if kind.dead_tokens]
IN_CALLS = [kind for kind in CHAT if kind.called]


def each(kinds: list[type[Platform]]) -> Any:
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__name__)


# --- a slow database --------------------------------------------------------------------------

CRAWL = """
CREATE FUNCTION crawl() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('crawl.transaction', true) IS DISTINCT FROM txid_current()::text THEN
    PERFORM set_config('crawl.transaction', txid_current()::text, true);
    PERFORM pg_sleep(1);
  END IF;
  RETURN NULL;
END $$;
DO $$ DECLARE name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format(
      'CREATE CONSTRAINT TRIGGER crawl AFTER INSERT OR UPDATE OR DELETE ON %I '
      'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION crawl()', name);
  END LOOP;
END $$;
"""
"""From now on every commit takes a second."""
LATE = 0.6
"""Seconds that a machine shared with others may add."""


@pytest.fixture
def hearing(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """While it is not set, nothing that was kept is understood, so nobody has an answer."""
    settle, gate = FrontDesk.settle, asyncio.Event()

    async def settled(self: FrontDesk, tenant: str, admitted: Admitted) -> str:
        await gate.wait()
        return await settle(self, tenant, admitted)

    monkeypatch.setattr(FrontDesk, "settle", settled)
    gate.set()
    return gate


@asynccontextmanager
async def slow(
    kind: type[Platform], url: str, folder: Path, hearing: asyncio.Event
) -> AsyncIterator[Town]:
    """A town in which something was reported before its database became slow and its ears deaf."""
    async with town(kind(), Ear(), folder, url=url) as there:
        await there.platform.says("anna", FAULT, "customer:anna")
        await there.until_card("接单")
        await quiet(there)

        def cripple() -> None:
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute(CRAWL)

        await asyncio.to_thread(cripple)
        hearing.clear()
        try:
            yield there
        finally:
            hearing.set()


async def quiet(there: Town) -> None:
    """Nothing is waiting to be done or said."""

    async def done() -> bool:
        now = there.parts.clock.now(TENANT)
        backlog = await there.parts.store.queries.backlog(TENANT, now)
        return not (backlog.waiting_messages or backlog.due_notices)

    await wait_until(done)
    await there.parts.store.transact(TENANT, lambda _: None)


@each(CHAT)
async def test_a_message_is_acknowledged_in_time_by_a_slow_database(
    kind: type[Platform],
    new_postgres: Callable[[], str],
    tmp_path: Path,
    hearing: asyncio.Event,
) -> None:
    async with slow(kind, new_postgres(), tmp_path, hearing) as there:
        began = time.monotonic()
        assert set(await there.platform.says("bob", "在吗", "customer:bob")) == {200}
        assert time.monotonic() - began < 5 + LATE
        hearing.set()
        await there.until_shown("customer:bob", lambda s: bool(s.text))


@each([kind for kind in CHAT if kind.groups and kind is not LinkedDingTalk])
async def test_a_press_is_answered_in_time_by_a_slow_database(
    kind: type[Platform],
    new_postgres: Callable[[], str],
    tmp_path: Path,
    hearing: asyncio.Event,
) -> None:
    async with slow(kind, new_postgres(), tmp_path, hearing) as there:
        (order,) = await there.orders()
        card = await there.until_card("接单")
        began = time.monotonic()
        await there.staff_presses(order.assignee, card, "接单")
        assert time.monotonic() - began < there.platform.press_within + LATE
        hearing.set()
        await there.until_order(lambda o: o.state == State.IN_PROGRESS)


# --- strangers at the door --------------------------------------------------------------------


@pytest.fixture
async def there(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    """The demo company on one platform."""
    async with town(request.param(), Ear(), tmp_path) as found:
        yield found


def on(kinds: list[type[Platform]]) -> Any:
    return pytest.mark.parametrize("there", kinds, ids=lambda kind: kind.__name__, indirect=True)


async def still_hears(there: Town) -> None:
    """What came before has not jammed the way in."""
    assert await there.orders() == []
    await there.platform.says("anna", FAULT, "customer:anna")
    assert (await there.until_order()).fault_type == "hvac"


@on(CHAT)
async def test_an_event_nobody_has_heard_of_is_taken_counted_and_forgotten(there: Town) -> None:
    assert await there.platform.sends_unknown() == [200]
    name = there.platform.name

    async def counted() -> bool:
        return there.counts[name, "ignored"] > 0

    await wait_until(counted, lambda: str(there.counts))
    await still_hears(there)


@on(CHAT)
async def test_a_genuine_call_that_makes_no_sense_is_refused_counted_and_survived(
    there: Town,
) -> None:
    answered = await there.platform.sends_nonsense()
    assert answered == [400 if there.platform.called else 200]

    async def counted() -> bool:
        return there.counts[there.platform.name, "malformed"] == 1

    await wait_until(counted, lambda: str(there.counts))
    await still_hears(there)


@on(IN_CALLS)
async def test_a_body_beyond_all_measure_is_not_even_read(there: Town) -> None:
    platform = there.platform
    async with platform.http.post(platform.hook, data=io.BytesIO(b"x" * (LIMIT + 1))) as response:
        assert response.status == 413
    async with platform.http.post(platform.hook, data=io.BytesIO(b"x" * LIMIT)) as response:
        assert response.status in {400, 403}
    assert there.counts[platform.name, "malformed"] + there.counts[platform.name, "forged"] == 1
    await still_hears(there)


# --- people's own words -----------------------------------------------------------------------


@on([kind for kind in CHAT if kind.whole])
async def test_a_long_text_arrives_whole_in_order_and_without_a_broken_character(
    there: Town,
) -> None:
    platform = there.platform
    await platform.says("anna", "在吗", "customer:anna")
    await there.until_shown("customer:anna", lambda s: bool(s.text))
    await quiet(there)
    before = len(platform.shown("customer:anna"))
    adapter = there.parts.adapters[platform.name]
    words = "".join(f"{n}：空调坏了🔥👨‍👩‍👧‍👦e\u0301。" for n in range(140))
    assert len(words.encode()) > 2 * 2048
    to = ChatRef(platform.name, platform.chat("customer:anna"))
    await adapter.send(Outgoing(TENANT, to, words, key="long"))
    pieces = [s.text for s in platform.shown("customer:anna")[before:]]
    assert "".join(pieces).replace("\n", "") == visible(words)
    limit = max(adapter.capabilities.max_text_bytes, Capabilities().max_text_bytes)
    assert all(0 < len(piece.encode()) <= limit for piece in pieces)
    assert "\ufffd" not in "".join(pieces)


@on(CHAT)
async def test_no_ones_name_place_or_quotation_can_call_link_or_mark_up(there: Town) -> None:
    platform = there.platform
    slipped = platform.markup
    assert slipped
    await platform.says("anna", f"{FAULT}，联系人 {slipped}，在 {slipped} 旁边", "customer:anna")
    order = await there.until_order(lambda o: bool(o.assignee))
    await there.until_card("接单")
    await platform.says("anna", f"补充：{slipped}", "customer:anna")
    await platform.says("anna", "催一下", "customer:anna")
    if platform.groups:
        await there.staff_says(order.assignee, f"备注 {slipped}", "group:home")
    await quiet(there)
    ours = {platform.user(who) for who in (await company(there)).staff}
    shown = [*platform.shown("customer:anna"), *await there.told(), *await chiefs(there)]
    called = {who for one in shown for who in one.mentions}
    assert called <= ours | {platform.user("anna")} | set((await company(there)).staff)
    for one in shown:
        assert not live(one.text), one.text


def live(text: str) -> list[str]:
    """Markup that a platform would act on, in a text that we made of people's words."""
    marks = ("@all", "@所有人", "<a ", "<@all", "<font", "](http", "](tg", "](ding")
    return [mark for mark in marks if mark in text]


async def company(there: Town) -> Any:
    return await there.parts.store.read(TENANT, lambda uow: uow.company)


async def chiefs(there: Town) -> Any:
    return await there.told("group:supervisors")


# --- a platform that is unwell ----------------------------------------------------------------


@each(WITH_TOKENS)
async def test_forty_who_find_the_token_dead_renew_it_once(
    kind: type[Platform], tmp_path: Path
) -> None:
    async with town(kind(), Ear(), tmp_path) as there:
        platform = there.platform
        adapter = there.parts.adapters[platform.name]
        people = [f"p{n}" for n in range(40)]
        if not platform.groups and hasattr(platform, "write"):
            for who in people:
                platform.write(who, msgtype="text", text={"content": "在吗"})
            await platform.ring()
            for who in people:
                await there.until_shown(f"customer:{who}", lambda s: bool(s.text))
        else:
            await adapter.send(Outgoing(TENANT, place(platform, "first"), "一", key="first"))
        await quiet(there)
        for n, code in enumerate(kind.dead_tokens):
            platform.dead = code
            platform.kills_token()
            before = platform.fetched
            sends = [
                adapter.send(Outgoing(TENANT, place(platform, who), "你好", key=f"{n}:{who}"))
                for who in people
            ]
            await asyncio.gather(*sends)
            assert platform.fetched == before + 1, code
            for who in people:
                assert any("你好" in s.text for s in platform.shown(f"customer:{who}"))


def _mistrusts(platform: FakeWecom) -> None:
    platform.allowed_ip = False


def _moves(platform: FakeWechat | DingTalkByHttp) -> None:
    platform.from_ip = "1.2.3.4"
    platform.kills_token()


def _owes(platform: FakeSms) -> None:
    platform.answers["SendSms"] = ("isv.AMOUNT_NOT_ENOUGH", "账户余额不足")


def _revokes(platform: FakeTelegram) -> None:
    platform.revoked = True


@pytest.mark.parametrize(
    ("kind", "refuse", "why"),
    [
        (FakeWecom, _mistrusts, "60020"),
        (FakeWechat, _moves, "40164"),
        (DingTalkByHttp, _moves, "IpNotInWhiteList"),
        (FakeTelegram, _revokes, "unauthorized"),
        (FakeSms, _owes, "AMOUNT_NOT_ENOUGH"),
    ],
    ids=["wecom", "wechat", "dingtalk", "telegram", "sms"],
)
async def test_an_account_that_is_refused_is_told_from_a_chat_that_is(
    kind: type[Platform], refuse: Callable[[Any], None], why: str, tmp_path: Path
) -> None:
    async with town(kind(), Ear(), tmp_path) as there:
        platform = there.platform
        adapter = there.parts.adapters[platform.name]
        greeting = Outgoing(TENANT, place(platform, "first"), "一", key="first")
        if kind is not DingTalkByHttp:  # it would answer by the session, which needs no account
            await platform.says("first", "你好", "customer:first")
            await there.until_shown("customer:first", lambda shown: bool(shown.text))
        await adapter.send(greeting)
        refuse(platform)
        with pytest.raises(Barred, match=f"(?i){why}"):
            await adapter.send(replace(greeting, key="second"))


def place(platform: Platform, who: str) -> ChatRef:
    return ChatRef(platform.name, platform.chat(f"customer:{who}"))


@on([kind for kind in CHAT if kind.groups])
async def test_after_a_throttle_what_burns_comes_first_and_the_rest_as_one_digest(
    there: Town,
) -> None:
    platform = there.platform
    chat = "staff:wanglei" if platform.direct else "group:home"
    kind: Any = "direct" if platform.direct else "group"
    to = ChatRef(platform.name, platform.chat(chat), kind)

    def queue(uow: UnitOfWork) -> None:
        for n in range(6):
            uow.outbox.add(note(f"r{n}", to, Urgency.REMINDER, f"提醒{n}"))

    def alarm(uow: UnitOfWork) -> None:
        uow.outbox.add(note("red", to, Urgency.ESCALATION, "升级了"))

    await platform.says("anna", "在吗", "customer:anna")
    await there.until_shown("customer:anna", lambda s: bool(s.text))
    await quiet(there)
    platform.busy()
    await there.parts.store.transact(TENANT, queue)

    async def put_off() -> bool:
        due = await there.parts.store.next_due(TENANT)
        return due is not None and due > there.parts.clock.now(TENANT)

    await wait_until(put_off)
    assert platform.shown(chat) == []
    await there.parts.store.transact(TENANT, alarm)
    await there.parts.house.wind(TENANT, timedelta(minutes=15))
    await there.until_shown(chat, has("提醒5"))
    said = [s.text for s in platform.shown(chat)]
    assert "升级了" in said[0]
    assert len(said) == 2, said
    assert all(f"提醒{n}" in said[1] for n in range(6))


def note(key: str, to: ChatRef, urgency: Urgency, text: str) -> Notice:
    return Notice(key=key, kind="reminder", to=to, urgency=urgency, text=text, why="test")
