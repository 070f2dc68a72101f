"""``paidan doctor <channel>``: from outside to our own door, clocks, addresses and permissions."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bots.gateway.adapter import Adapter, Finding
from bots.gateway.hints import address_in, link_in, permissions_in
from paidan.channels import Channels
from paidan.channels.door import compare_clocks, knock
from paidan.doctor import say
from paidan.errands import examine_channel
from paidan.settings import Http, Settings
from tests.vendors.dingtalk import CLIENT, DingTalkByHttp, FakeDingTalk
from tests.vendors.ear import Ear
from tests.vendors.platform import SECRET_KEY, Town, town
from tests.vendors.telegram import FakeTelegram
from tests.vendors.wechat import FakeWechat

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(FakeDingTalk(), Ear(), tmp_path) as found:
        yield found


async def knocked(there: Town, address: str, channel: str = "dingtalk") -> dict[str, Finding]:
    local = there.platform.hook.partition("/hooks/")[0]
    found = await knock(there.platform.http, address, channel, SECRET_KEY, datetime.now(UTC), local)
    return {finding.code: finding for finding in found}


# --- the door ---------------------------------------------------------------------------------


async def test_our_own_door_answers_a_knock(there: Town) -> None:
    found = await knocked(there, there.platform.hook)
    assert found["door_answers"].level == "ok"
    assert found["door_private"].facts[1] == "127.0.0.1"


async def test_a_channel_that_is_not_plugged_in_is_named(there: Town) -> None:
    found = await knocked(there, there.platform.hook.replace("dingtalk", "telegram"), "telegram")
    assert "重启" in say(found["door_unplugged"])


async def test_another_secret_is_a_stranger(there: Town) -> None:
    local = there.platform.hook.partition("/hooks/")[0]
    args = ("dingtalk", b"another secret of 32 bytes here!", datetime.now(UTC), local)
    found = await knock(there.platform.http, there.platform.hook, *args)
    assert found[-1].code == "door_not_running"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (web.Response(status=502, text="Bad Gateway"), "door_proxy"),
        (web.Response(status=200, text="<html>welcome</html>"), "door_stranger"),
        (web.Response(status=301, headers={"Location": "https://www.example.com/"}), None),
    ],
)
async def test_a_proxy_that_leads_elsewhere_is_told_apart(
    there: Town, answer: web.Response, code: str | None
) -> None:
    async def proxy(_: web.Request) -> web.Response:
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy)
    async with TestServer(app) as server:
        found = await knocked(there, str(server.make_url("/hooks/dingtalk")))
    assert (code or "door_redirects") in found


async def test_a_proxy_that_eats_the_query_or_the_body_is_found(there: Town) -> None:
    async def proxy(request: web.Request) -> web.Response:
        body = (await request.read())[:100]
        url = there.platform.hook + "?" + request.query_string
        async with there.platform.http.post(url, data=body) as answer:
            return web.Response(status=answer.status, body=await answer.read())

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy)
    async with TestServer(app) as server:
        found = await knocked(there, str(server.make_url("/hooks/dingtalk")))
    assert "door_stranger" in found


async def test_names_ports_and_certificates(there: Town, tmp_path: Path) -> None:
    unknown = await knocked(there, "https://no-such-host.invalid/hooks/dingtalk")
    assert unknown["door_name"].facts[0] == "no-such-host.invalid"
    assert "door_closed" in await knocked(there, f"{NOWHERE}/hooks/dingtalk")
    server = TestServer(web.Application(), scheme="https")
    await server.start_server(ssl=_self_signed(tmp_path))
    found = await knocked(there, str(server.make_url("/hooks/dingtalk")))
    await server.close()
    assert "self-signed" in found["door_certificate"].facts[1]
    assert "证书" in say(found["door_certificate"])


async def test_nobody_there_at_all_says_to_start(there: Town) -> None:
    async def gone(_: web.Request) -> web.Response:
        return web.Response(status=502)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", gone)
    async with TestServer(app) as server:
        address = str(server.make_url("/hooks/dingtalk"))
        args = ("dingtalk", SECRET_KEY, datetime.now(UTC), NOWHERE)
        found = await knock(there.platform.http, address, *args)
    assert found[-1].code == "door_not_running"


async def test_a_forged_knock_opens_nothing(there: Town) -> None:
    url = f"{there.platform.hook}?paidan_knock=AAAA.BBBB"
    async with there.platform.http.post(url, data=b"x") as answer:
        assert answer.status == 403
    async with there.platform.http.post(f"{url}ä&paidan_knock=x", data=b"x") as answer:
        assert answer.status == 403


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


# --- clocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("away", "code"), [(0, "clock_agrees"), (300, "clock_fast"), (-61 - 5, "clock_slow")]
)
async def test_clocks_are_compared_by_the_platforms_answer(
    there: Town, away: int, code: str
) -> None:
    address = there.platform.section().address
    args = (there.platform.http, address)
    (found,) = await compare_clocks(*args, lambda: datetime.now(UTC) + timedelta(seconds=away))
    assert found.code == code
    assert found.level == ("ok" if code == "clock_agrees" else "warn")


async def test_no_answer_says_nothing_of_clocks() -> None:
    async with ClientSession() as http:
        assert await compare_clocks(http, "wss://127.0.0.1:1", lambda: datetime.now(UTC)) == []


# --- the whole errand -------------------------------------------------------------------------


async def test_the_doctor_goes_the_whole_way(tmp_path: Path) -> None:
    async with town(DingTalkByHttp(), Ear(), tmp_path) as there:
        door = there.platform.hook.partition("/hooks/")[0]
        settings = Settings(
            data_dir=tmp_path / "doctor",
            secret_key=SECRET_KEY.decode(),
            http=Http(public_url=door),
            channels=Channels(dingtalk=there.platform.section()),
        )
        found = await asyncio.to_thread(examine_channel, settings, "dingtalk")
    codes = [finding.code for finding in found]
    wanted = ["callback_private", "door_answers", "clock_agrees", "dingtalk_token"]
    assert codes == [*wanted, "dingtalk_permitted"]
    assert all("{}" not in say(finding, locale) for finding in found for locale in ("zh", "en"))


# --- what refusals name -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("60020 not allow to access from your ip, hint: [17068], from ip: 1.2.3.4", "1.2.3.4"),
        ("40164 invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist rid: 5fa26c60", "1.2.3.4"),
        ("访问ip不在白名单之中,request ip=2409:8a28:ec1:aa10:9880:6e1a:3c25:bc02 appKey(d)",
         "2409:8a28:ec1:aa10:9880:6e1a:3c25:bc02"),
        ("310000 ip 1.2.3.4 not in whitelist", "1.2.3.4"),
        ("40001 invalid credential", ""),
    ],
)  # fmt: skip
def test_the_address_stands_in_the_refusal(said: str, address: str) -> None:
    assert address_in(said) == address


def test_permissions_and_links_stand_in_the_refusal() -> None:
    said = "应用尚未开通所需的权限：[A.B, c_d]，点击链接申请并开通即可：https://x.com/a?b=c%23A.B"
    assert permissions_in(said) == ("A.B", "c_d")
    assert link_in(said) == "https://x.com/a?b=c%23A.B"
    assert permissions_in("hint: [1706848717432]") == ()


# --- the platforms ----------------------------------------------------------------------------


async def checked(there: Town, name: str) -> dict[str, Finding]:
    adapter: Adapter = there.parts.adapters[name]
    return {finding.code: finding for finding in await adapter.check()}


async def test_dingtalk_names_what_it_lacks_and_where_to_apply(there: Town) -> None:
    fake: Any = there.platform
    assert (await checked(there, "dingtalk"))["dingtalk_permitted"].level == "ok"
    assert set(fake.tried) == {"paidan-doctor"}
    assert not fake.messages
    fake.lacking.add("Card.Instance.Write")
    lacks = (await checked(there, "dingtalk"))["dingtalk_permission"]
    assert lacks.facts[0] == "Card.Instance.Write"
    assert f"{CLIENT}%23Card.Instance.Write" in say(lacks)
    fake.from_ip = "203.0.113.9"
    found = await checked(there, "dingtalk")
    assert found["dingtalk_address"].facts == ("203.0.113.9",)
    assert "服务器出口IP" in say(found["dingtalk_address"], "en")


async def test_the_official_accounts_permissions_are_tried(tmp_path: Path) -> None:
    async with town(FakeWechat(), Ear(), tmp_path) as there:
        fake: Any = there.platform
        assert [f.code for f in (await checked(there, "wechat")).values()] == ["wechat_token"]
        fake.verified = False
        assert "微信认证" in say((await checked(there, "wechat"))["wechat_no_pushing"])
        adapter: Any = there.parts.adapters["wechat"]
        adapter._template_fields = {"thing9": "title"}
        wrong = (await checked(there, "wechat"))["wechat_template_fields"]
        assert wrong.facts == ("thing9", "character_string1、thing2")
        adapter._template = "another"
        assert "wechat_template_unknown" in await checked(there, "wechat")
        fake.from_ip = "203.0.113.9"
        assert (await checked(there, "wechat"))["wechat_address"].facts == ("203.0.113.9",)


async def test_a_port_that_telegram_does_not_call(tmp_path: Path) -> None:
    async with town(FakeTelegram(), Ear(), tmp_path) as there:
        adapter: Any = there.parts.adapters["telegram"]
        assert "telegram_port" in await checked(there, "telegram")
        adapter._hook = "https://paidan.example.com:8443/hooks/telegram"
        assert "telegram_port" not in await checked(there, "telegram")
