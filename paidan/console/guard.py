"""The door of every page: strict headers, rights, forged-request check, limits, plain errors."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from http import HTTPStatus

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from paidan.console.render import error_page
from paidan.console.rights import Right
from paidan.console.viewer import SERVICES, VIEWER, Viewer, recognise, set_cookie
from workflow.errors import InvalidInput, NotAllowed, PaidanError, Unavailable, UnknownTicket

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = logging.getLogger(__name__)

FORM_LIMIT = 256 * 1024
TABLE_LIMIT = 2 * 1024 * 1024
READ_WITHIN = 5.0
"""Seconds a body may take; aiohttp itself waits for a half-sent one for ever."""

BROKEN = (ConnectionError, ValueError, web.RequestPayloadError)
"""What reading a body raises that broke off or is not what it says it is."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
}
_STATUS_OF = {
    NotAllowed: HTTPStatus.FORBIDDEN,
    UnknownTicket: HTTPStatus.NOT_FOUND,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
}


@dataclass(frozen=True)
class Route:
    """One address: who may open it and what answers. ``limit`` is the largest body in bytes;
    ``uploads`` says that the handler reads the body itself, so that a script must send the
    forgery token in the header; ``files`` that its form may bring some.
    """

    method: str
    path: str
    handler: Handler
    right: Right
    limit: int = FORM_LIMIT
    uploads: bool = False
    files: bool = False


def guarded(route: Route) -> Handler:
    """The handler behind its door."""

    async def enter(request: web.Request) -> web.StreamResponse:
        viewer = await recognise(request)
        request[VIEWER] = viewer
        _check_right(request, viewer, route.right)
        size = request.content_length or 0
        if size > route.limit:
            raise web.HTTPRequestEntityTooLarge(route.limit, size)
        if request.content_type.startswith("multipart/") and not (route.files or route.uploads):
            raise web.HTTPUnsupportedMediaType
        if request.method == "POST":
            await _check_forgery(request, viewer, uploads=route.uploads)
        return await route.handler(request)

    return enter


async def read_fields(
    request: web.Request,
) -> MultiDictProxy[str | bytes | bytearray | web.FileField]:
    """The fields of a form, files too.

    Raises:
        web.HTTPRequestTimeout: the body did not arrive in five seconds.
        web.HTTPRequestEntityTooLarge: it is larger than any form of ours.
        web.HTTPBadRequest: it is no form, or broke off.
    """
    try:
        async with asyncio.timeout(READ_WITHIN):
            return await request.post()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except BROKEN:
        raise web.HTTPBadRequest from None


async def read_body(request: web.Request, limit: int) -> bytes:
    """The whole body.

    Raises:
        TimeoutError: it did not arrive in five seconds.
        web.HTTPRequestEntityTooLarge: it has more than ``limit`` bytes.
        web.HTTPBadRequest: it broke off, or is no HTTP.
    """
    data = bytearray()
    try:
        async with asyncio.timeout(READ_WITHIN):
            async for chunk in request.content.iter_any():
                data += chunk
                if len(data) > limit:
                    raise web.HTTPRequestEntityTooLarge(limit, len(data))
    except BROKEN:
        raise web.HTTPBadRequest from None
    return bytes(data)


async def read_form(request: web.Request) -> MultiDictProxy[str]:
    """The text fields of a form; files are left out. Raises as :func:`read_fields`."""
    texts: MultiDict[str] = MultiDict()
    for name, value in (await read_fields(request)).items():
        if isinstance(value, str):
            texts.add(name, value.replace("\x00", ""))
    return MultiDictProxy(texts)


def too_many(wait: timedelta) -> web.HTTPTooManyRequests:
    """The refusal that says when to try again."""
    seconds = max(1, math.ceil(wait.total_seconds()))
    return web.HTTPTooManyRequests(headers={"Retry-After": str(seconds)})


def client_ip(request: web.Request) -> str:
    """Whose request this is; a trusted proxy says so, anybody else is who connects."""
    peer = request.remote or ""
    if peer in request.app[SERVICES].trusted_proxies:
        forwarded = request.headers.get("X-Forwarded-For", "")
        return forwarded.rpartition(",")[2].strip() or peer
    return peer


@web.middleware
async def refuse_packed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nobody who calls us packs what is sent; a few bytes could become gigabytes."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise web.HTTPUnsupportedMediaType
    return await handler(request)


@web.middleware
async def translate_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every failure with a page in plain words; details of ours go to the log alone."""
    response = await _answer(request, handler)
    viewer = request.get(VIEWER)
    if viewer is not None and not response.prepared:
        for name, value in viewer.cookies.items():
            set_cookie(request, response, name, value)
    return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as http:
        if http.status < HTTPStatus.BAD_REQUEST:
            raise
        if request.get(VIEWER) is None and "text/html" in request.headers.get("Accept", ""):
            request[VIEWER] = await recognise(request)
        return error_page(request, HTTPStatus(http.status), headers=_kept(http))
    except NotAllowed as refusal:
        if refusal.code == "sign_in" and request.method == "GET":
            raise web.HTTPSeeOther(_way_in(request)) from None
        return error_page(request, HTTPStatus.FORBIDDEN, refusal)
    except Unavailable as trouble:
        log.warning("%s %s: the database cannot be used: %s", request.method, request.path, trouble)
        headers = {"Retry-After": "5"}
        return error_page(request, HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
    except PaidanError as refusal:
        status = _STATUS_OF.get(type(refusal), HTTPStatus.CONFLICT)
        return error_page(request, status, refusal)
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return error_page(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def _way_in(request: web.Request) -> str:
    """Where somebody unknown begins: the demo's front page is its sandbox."""
    services = request.app[SERVICES]
    demo = services.mode == "demo" and services.sandbox
    return "/sandbox" if demo and request.path == "/" else "/login"


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Put the strict headers on everything that leaves."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")


def _check_right(request: web.Request, viewer: Viewer, right: Right) -> None:
    services = request.app[SERVICES]
    if right is Right.SANDBOX:
        if not services.sandbox:
            raise web.HTTPNotFound
        if services.mode == "demo":
            return
        right = Right.PEOPLE
    if not viewer.has(right):
        raise NotAllowed("sign_in" if viewer.staff is None else "not_allowed", needs=str(right))


async def _check_forgery(request: web.Request, viewer: Viewer, *, uploads: bool) -> None:
    given = request.headers.get("X-CSRF-Token", "")
    if not given and not uploads:
        given = (await read_form(request)).get("csrf", "")
    if not compare_digest(given.encode(), viewer.csrf.encode()):
        raise NotAllowed("forged_request")


def _kept(http: web.HTTPException) -> dict[str, str]:
    return {name: http.headers[name] for name in ("Retry-After", "Allow") if name in http.headers}
