"""Plain web chat for customers, and the page behind an asset's QR code. No login, phone first."""

from __future__ import annotations

import io
from datetime import timedelta

import segno
from aiohttp import web

from paidan.console import chats
from paidan.console.answers import done
from paidan.console.chats import Chat
from paidan.console.guard import client_ip, read_form, too_many
from paidan.console.press import settled
from paidan.console.render import page
from paidan.console.throttle import Throttle
from paidan.console.viewer import SERVICES, VIEWER
from workflow.company import Asset
from workflow.errors import InvalidInput
from workflow.records import ChatRef
from workflow.work_order import WorkOrder

CHANNEL = "web"
_HISTORY = 3
_PHONE_DIGITS = 20


class Limits:
    """How often strangers may look, speak and report."""

    def __init__(self) -> None:
        self.look = Throttle(burst=40, every=timedelta(seconds=2))
        self.speak = Throttle(burst=20, every=timedelta(seconds=4))
        self.report = Throttle(burst=5, every=timedelta(minutes=2))


LIMITS = web.AppKey("limits", Limits)


def _chat(request: web.Request) -> Chat:
    visitor = request[VIEWER].visitor
    return Chat(ChatRef(CHANNEL, f"visitor:{visitor}", "direct"), visitor, "/chat/act")


def _take(request: web.Request, throttle: Throttle, *key: str) -> None:
    """Raises: web.HTTPTooManyRequests."""
    now = request.app[SERVICES].real_now()
    wait = throttle.wait((client_ip(request), *key), now)
    if wait:
        raise too_many(wait)


async def show(request: web.Request) -> web.Response:
    """The chat of this browser."""
    chat = _chat(request)
    lines = await chats.read(request, chat)
    return page(request, "chat.html", chat=chat, lines=lines.whole, mark=lines.mark)


async def live(request: web.Request) -> web.StreamResponse:
    """Its lines as they come."""
    return await chats.live(request, [_chat(request)])


async def say(request: web.Request) -> web.StreamResponse:
    """The visitor says something."""
    _take(request, request.app[LIMITS].speak)
    chat = _chat(request)
    await chats.say(request, await read_form(request), place=chat.place, sender=chat.me)
    return done(request, back="/chat")


async def act(request: web.Request) -> web.StreamResponse:
    """The visitor presses a button."""
    _take(request, request.app[LIMITS].speak)
    chat = _chat(request)
    await chats.press(request, await read_form(request), place=chat.place, sender=chat.me)
    return done(request, back="/chat")


# --- the page behind a QR code ----------------------------------------------------------------


async def _asset(request: web.Request) -> tuple[Asset, tuple[WorkOrder, ...]]:
    services, token = request.app[SERVICES], request.match_info["token"]
    _take(request, request.app[LIMITS].look)
    found = await services.store.read(
        services.tenant, lambda uow: uow.people.asset_by_token(token) if token else None
    )
    if found is None:
        raise web.HTTPNotFound
    orders = await services.store.read(
        services.tenant, lambda uow: tuple(uow.orders.of_asset(found.id, _HISTORY))
    )
    return found, orders


async def asset(request: web.Request) -> web.Response:
    """What it is, where it stands, what was wrong with it lately (nobody's name), a report box."""
    found, orders = await _asset(request)
    return page(request, "asset.html", asset=found, orders=orders)


async def report(request: web.Request) -> web.StreamResponse:
    """A report from the QR page; answered in this browser's web chat."""
    found, _ = await _asset(request)
    _take(request, request.app[LIMITS].report, request.match_info["token"])
    form, chat = await read_form(request), _chat(request)
    text, phone = form.get("text", "").strip(), form.get("phone", "").strip()[:_PHONE_DIGITS]
    if not text and not form.getall("blob", []):
        raise InvalidInput("empty_report", field="text")
    said = form.copy()
    said["text"] = f"{text}\n电话 {phone}" if phone else text
    admitted = await chats.say(request, said, place=chat.place, sender=chat.me, asset=found.id)
    if admitted is not None:
        await settled(request, admitted)
    return done(request, "/chat", back="/chat")


async def qr(request: web.Request) -> web.Response:
    """The code itself, to print and stick on."""
    await _asset(request)
    services = request.app[SERVICES]
    base = services.public_url.rstrip("/") or f"{request.scheme}://{request.host}"
    picture = io.BytesIO()
    code = segno.make(f"{base}/a/{request.match_info['token']}", error="q")
    code.save(picture, kind="svg", scale=6, border=3, dark="#17202b", light="#ffffff")
    return web.Response(body=picture.getvalue(), content_type="image/svg+xml")
