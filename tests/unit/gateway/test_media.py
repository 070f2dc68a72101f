"""Attachments come from the platform's hosts alone, bounded, and are what their bytes say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typing_extensions import override
from yarl import URL

from bots.channel import Refused, Retry
from bots.gateway import luggage as trunk
from bots.gateway.adapter import Fetched
from bots.gateway.luggage import Luggage
from bots.gateway.media import allowed, download, sniff
from workflow.errors import NoRoom
from workflow.records import Inbound, Media

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
MESSAGE = Inbound("demo", "fake", "c", "direct", "u", "k", datetime(2026, 11, 25, tzinfo=UTC))

Fetch = Callable[[str], Awaitable[bytes]]


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://file.example.com/a", True),
        ("https://example.com/a", True),
        ("https://evilexample.com/a", False),
        ("https://example.com.evil.org/a", False),
        ("http://example.com/a", False),
        ("https://example.com:8443/a", False),
        ("https://user@example.com/a", False),
        ("https://127.0.0.1/a", False),
        ("https://[::1]/a", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("file:///etc/passwd", False),
        ("/a", False),
        ("http://127.0.0.1:8081/a", True),
    ],
)
def test_only_the_platforms_own_hosts_are_asked(url: str, *, fine: bool) -> None:
    hosts = ("example.com", ".example.com", "http://127.0.0.1:8081")
    assert allowed(URL(url), hosts) is fine


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (PNG, "image/png"),
        (b"\x02#!SILK_V3" + b"\0" * 20, "audio/silk"),
        (b"#!AMR\n" + b"\0" * 20, "audio/amr"),
        (b"<html><script>alert(1)</script>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_a_file_is_what_its_bytes_say(data: bytes, mime: str) -> None:
    assert sniff(data) == mime


@pytest.fixture
async def fetch() -> AsyncIterator[Fetch]:
    """Fetches a path of a loopback server with traps."""

    async def away(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/secret")

    async def bomb(_: web.Request) -> web.Response:
        response = web.Response(body=b"\0" * 5_000_000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async def plain(_: web.Request) -> web.Response:
        return web.Response(body=PNG)

    async def gone(_: web.Request) -> web.Response:
        raise web.HTTPNotFound

    async def ill(_: web.Request) -> web.Response:
        raise web.HTTPBadGateway

    app = web.Application()
    doors = {"/away": away, "/bomb": bomb, "/plain": plain, "/gone": gone, "/ill": ill}
    for path, door in doors.items():
        app.router.add_get(path, door)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        origin = str(server.make_url("")).rstrip("/")

        async def get(path: str) -> bytes:
            return await download("fake", http, origin + path, (origin,), largest=1_000_000)

        yield get


async def test_an_attachment_comes_home(fetch: Fetch) -> None:
    assert await fetch("/plain") == PNG


@pytest.mark.parametrize("path", ["/away", "/bomb", "/gone"])
async def test_what_leads_away_explodes_or_is_gone_is_refused(fetch: Fetch, path: str) -> None:
    with pytest.raises(Refused):
        await fetch(path)


async def test_a_server_in_trouble_is_asked_again_later(fetch: Fetch) -> None:
    with pytest.raises(Retry):
        await fetch("/ill")


class Shelf:
    """Keeps blobs in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, str]] = {}

    async def put(self, data: bytes, mime: str) -> str:
        self.kept[f"{len(self.kept):064x}"] = (data, mime)
        return f"{len(self.kept) - 1:064x}"

    async def get(self, blob: str) -> tuple[bytes, str] | None:
        return self.kept.get(blob)


class Porter:
    """An adapter that fetches what it was given, or fails so many times first."""

    name = "fake"

    def __init__(self, data: bytes, failures: int = 0) -> None:
        self.data, self.failures = data, failures

    async def fetch(self, media: Media) -> Fetched:
        if media.ref == "gone":
            raise Refused("fake", "gone")
        if self.failures:
            self.failures -= 1
            raise Retry("fake", "busy")
        return Fetched(self.data, "photo.png")


def home(porter: Porter, shelf: Shelf, transcribe: trunk.Transcribe | None = None) -> Luggage:
    return Luggage({"fake": porter}, shelf, transcribe)  # type: ignore[dict-item]  # only fetch is used


async def test_an_attachment_is_kept_by_its_true_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk, "_PAUSE", 0)
    shelf = Shelf()
    message = replace(MESSAGE, media=(Media("image", ref="x", mime="text/html"),))
    (media,) = (await home(Porter(PNG, failures=2), shelf).fetch(message)).media
    assert (media.mime, media.size, media.name) == ("image/png", len(PNG), "photo.png")
    assert shelf.kept[str(media.blob)] == (PNG, "image/png")


async def test_one_that_is_gone_says_so_and_the_others_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trunk, "_PAUSE", 0)
    both = (Media("image", ref="gone"), Media("image", ref="x"))
    lost, kept = (await home(Porter(PNG), Shelf()).fetch(replace(MESSAGE, media=both))).media
    assert (lost.blob, lost.lost) == (None, "gone")
    assert kept.blob is not None
    stubborn = home(Porter(PNG, failures=99), Shelf())
    (late,) = (await stubborn.fetch(replace(MESSAGE, media=both[1:]))).media
    assert (late.blob, late.lost) == (None, "busy")


async def test_a_clip_is_put_into_words_and_silence_is_no_words() -> None:
    async def hear(data: bytes, _inbound: Inbound) -> str | None:
        if data == b"noise":
            raise RuntimeError("decoder")
        return "电梯坏了" if data == b"voice" else ""

    async def words(data: bytes) -> str | None:
        message = replace(MESSAGE, media=(Media("voice", ref="x"),))
        return (await home(Porter(data), Shelf(), hear).fetch(message)).media[0].transcript

    assert await words(b"voice") == "电梯坏了"
    assert await words(b"silence") is None
    assert await words(b"noise") is None


class FullShelf(Shelf):
    """Takes nothing."""

    @override
    async def put(self, data: bytes, mime: str) -> str:
        raise NoRoom(why="No space left on device")


async def test_for_room_on_the_disk_a_message_waits_but_not_for_ever() -> None:
    full = home(Porter(PNG), FullShelf())
    fresh = replace(MESSAGE, sent_at=datetime.now(UTC), media=(Media("image", ref="x"),))
    with pytest.raises(NoRoom):
        await full.fetch(fresh)
    old = replace(fresh, sent_at=datetime.now(UTC) - trunk.HELD)
    (media,) = (await full.fetch(old)).media
    assert (media.blob, media.lost) == (None, "no room on the disk")
