"""Knocking at our own door as a platform would, and comparing clocks with the platform.

A knock is a call to ``/hooks/<channel>`` that carries a signed mark; only a Paidan with the same
secret can answer it. So an answer proves the whole way: the name, the certificate, the reverse
proxy with its query and body, and that the channel is plugged in there.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import aiohttp
from yarl import URL

from bots.gateway.adapter import Finding
from paidan.channels.section import Words
from paidan.signing import sign, unsign
from workflow.errors import NotAllowed

MARK: Final = "paidan_knock"
"""The query parameter of a knock."""
GOOD_FOR: Final = timedelta(minutes=2)
WITHIN: Final = 5.0
"""Seconds a platform waits for us: 企业微信 and 公众号 give up after five."""
SKEW: Final = timedelta(seconds=60)
"""Clocks further apart than this are warned of; signatures begin to fail soon after."""
_LARGEST: Final = 64 * 1024
_NOT_OURS: Final = frozenset({502, 503, 504})

WORDS: Final[Mapping[str, Words]] = {
    "door_answers": (
        "{} 从外面走得通：域名、证书、反向代理都对，{} 毫秒后由自己应答",
        "{} can be reached from outside: name, certificate and proxy are right, answered by "
        "ourselves after {} ms",
    ),
    "door_private": (
        "{} 指向内网地址 {}，平台从公网访问不到；填一个公网 https 地址，或用不需要公网的接法",
        "{} leads to the private address {}, which no platform can reach; give a public https "
        "address, or connect in a way that needs none",
    ),
    "door_name": (
        "域名 {} 解析不到（{}）；到域名服务商处加一条指向本机公网 IP 的 A 记录",
        "the name {} cannot be resolved ({}); add an A record with this machine's public address",
    ),
    "door_certificate": (
        "{} 的证书平台不会认（{}）；换成受信任机构签发、含中间证书、没过期、域名一致的证书",
        "no platform accepts the certificate of {} ({}); install one of a known authority, with "
        "its chain, in date and for this name",
    ),
    "door_closed": (
        "{} 连不上（{}）；在防火墙和云安全组放行这个端口，确认反向代理在运行",
        "{} takes no connections ({}); open the port in firewall and security group, and see that "
        "the proxy is running",
    ),
    "door_redirects": (
        "{} 转到了 {}，平台不跟着跳转；把 http.public_url 改成最终地址",
        "{} redirects to {}, and platforms do not follow; set http.public_url to the final address",
    ),
    "door_proxy": (
        "反向代理应了 {}，后面没有 Paidan（HTTP {}）；把它的上游改成 {}",
        "the proxy at {} found no Paidan behind it (HTTP {}); let it lead to {}",
    ),
    "door_not_running": (
        "{} 后面没有 Paidan（HTTP {}），本机 {} 上也没有；先跑 paidan serve，再体检一次",
        "there is no Paidan behind {} (HTTP {}), nor at {}; start paidan serve and look again",
    ),
    "door_stranger": (
        "{} 应答的不是这个 Paidan（HTTP {}）；检查反向代理的路径：/hooks/ 要原样转给 {}，"
        "查询参数和正文都不能动",
        "{} is answered by something else (HTTP {}); let the proxy pass /hooks/ to {} as it is, "
        "with query and body",
    ),
    "door_unplugged": (
        "{} 后面的 Paidan 没有接上这个渠道；改过 config.yaml 之后要重启 paidan serve",
        "the Paidan behind {} does not have this channel; restart paidan serve after changing "
        "config.yaml",
    ),
    "door_slow": (
        "{} 五秒内没有应答；平台会当作失败重发。看反向代理的超时和本机负载",
        "{} did not answer within five seconds; platforms take that for a failure. Look at the "
        "proxy's timeouts and this machine's load",
    ),
    "clock_agrees": ("本机时钟和平台相差 {} 秒", "our clock and the platform's are {} s apart"),
    "clock_fast": (
        "本机时钟比平台快 {} 秒，签名会被拒；打开自动对时：timedatectl set-ntp true",
        "our clock is {} s ahead of the platform's, and signatures will be refused; turn on time "
        "synchronisation: timedatectl set-ntp true",
    ),
    "clock_slow": (
        "本机时钟比平台慢 {} 秒，签名会被拒；打开自动对时：timedatectl set-ntp true",
        "our clock is {} s behind the platform's, and signatures will be refused; turn on time "
        "synchronisation: timedatectl set-ntp true",
    ),
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """``whose`` is ``ours``, ``unplugged`` (ours without the channel) or empty for a stranger's;
    ``target`` is where a stranger redirects to.
    """

    status: int
    whose: str
    target: str


def answer_knock(
    secret: bytes, channel: str, mark: str, body: bytes, now: datetime, *, plugged: bool
) -> bytes | None:
    """What our door says to a knock; None when it is none of ours."""
    try:
        facts = unsign(secret, "knock", mark, now)
    except (NotAllowed, ValueError):
        return None
    if facts.get("channel") != channel:
        return None
    said = {"nonce": facts.get("nonce"), "body": hashlib.sha256(body).hexdigest()}
    return json.dumps({"door": sign(secret, "door", said), "plugged": plugged}).encode()


async def knock(
    http: aiohttp.ClientSession,
    address: str,
    channel: str,
    secret: bytes,
    now: datetime,
    local: str,
) -> list[Finding]:
    """Whether a platform that calls ``address`` gets to us; ``local`` is where we listen."""
    url = URL(address)
    host = url.host or ""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, url.port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        return [Finding("fail", "door_name", (host, error.strerror or type(error).__name__))]
    private = next((ip for ip in _numbers(found) if not ipaddress.ip_address(ip).is_global), "")
    findings = [Finding("warn", "door_private", (address, private))] if private else []
    begun = time.monotonic()
    try:
        answer = await _call(http, url, channel, secret, now)
    except (aiohttp.ClientError, TimeoutError) as error:
        return [*findings, _unanswered(error, address, host)]
    if answer.whose == "ours":
        took = str(round((time.monotonic() - begun) * 1000))
        return [*findings, Finding("ok", "door_answers", (address, took))]
    here = not answer.whose and await _answers_at(http, local, channel, secret, now)
    return [*findings, _misled(answer, address, local, here=here)]


def _unanswered(error: Exception, address: str, host: str) -> Finding:
    """Why the call did not come through."""
    if isinstance(error, TimeoutError):
        return Finding("fail", "door_slow", (address,))
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        broken = error.certificate_error
        why = str(getattr(broken, "verify_message", "") or broken)
        return Finding("fail", "door_certificate", (host, why))
    os_error = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
    why = (os_error.strerror if os_error else "") or type(error).__name__
    return Finding("fail", "door_closed", (address, why))


def _misled(answer: _Answer, address: str, local: str, *, here: bool) -> Finding:
    """Who answered instead of us; ``here`` says that we answer on this machine."""
    if answer.whose == "unplugged":
        return Finding("fail", "door_unplugged", (address,))
    if answer.target:
        return Finding("fail", "door_redirects", (address, answer.target))
    proxy = "door_proxy" if answer.status in _NOT_OURS else "door_stranger"
    code = proxy if here else "door_not_running"
    return Finding("fail", code, (address, str(answer.status), local))


async def compare_clocks(
    http: aiohttp.ClientSession, address: str, now: Callable[[], datetime]
) -> list[Finding]:
    """How far our clock is from the platform's, by the date of its answer; nothing where it does
    not say.
    """
    url = URL(address)
    url = url.with_scheme({"wss": "https", "ws": "http"}.get(url.scheme, url.scheme))
    before = now()
    try:
        async with (
            asyncio.timeout(WITHIN),
            http.get(url, allow_redirects=False) as response,
        ):
            said = response.headers.get("Date", "")
        theirs = parsedate_to_datetime(said)
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
        return []
    ours = before + (now() - before) / 2
    apart = ours - theirs
    seconds = str(abs(round(apart.total_seconds())))
    if abs(apart) <= SKEW:
        return [Finding("ok", "clock_agrees", (seconds,))]
    fast = apart > timedelta(0)
    return [Finding("warn", "clock_fast" if fast else "clock_slow", (seconds,))]


async def _call(
    http: aiohttp.ClientSession, url: URL, channel: str, secret: bytes, now: datetime
) -> _Answer:
    nonce, body = secrets.token_urlsafe(12), secrets.token_bytes(512)
    mark = sign(secret, "knock", {"channel": channel, "nonce": nonce}, now + GOOD_FOR)
    async with (
        asyncio.timeout(WITHIN),
        http.post(url.update_query({MARK: mark}), data=body, allow_redirects=False) as response,
    ):
        redirects = HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST
        target = response.headers.get("Location", "") if redirects else ""
        answer = await response.content.read(_LARGEST)
    return _Answer(response.status, _whose(answer, secret, nonce, body, now), target)


def _whose(answer: bytes, secret: bytes, nonce: str, body: bytes, now: datetime) -> str:
    try:
        found = json.loads(answer)
        facts = unsign(secret, "door", str(found["door"]), now)
    except (NotAllowed, ValueError, KeyError, TypeError, RecursionError):
        return ""
    whole = facts == {"nonce": nonce, "body": hashlib.sha256(body).hexdigest()}
    return "" if not whole else "ours" if found.get("plugged") else "unplugged"


async def _answers_at(
    http: aiohttp.ClientSession, local: str, channel: str, secret: bytes, now: datetime
) -> bool:
    try:
        answer = await _call(http, URL(local) / "hooks" / channel, channel, secret, now)
    except (aiohttp.ClientError, TimeoutError):
        return False
    return bool(answer.whose)


def _numbers(found: Sequence[tuple[object, ...]]) -> list[str]:
    """The addresses of a look-up, without the zone of link-local ones."""
    return [str(where[0]).partition("%")[0] for *_, where in found if isinstance(where, tuple)]
