"""The doors of chat platforms: ``/hooks/<channel>``, bounded in size and time, in plain answers.

A platform is answered only after its message is durably ours. What it sends wrongly is counted
and refused; what goes wrong on our side is answered 503, so that it sends again.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Final

from aiohttp import web

from bots.gateway.adapter import Adapter, Callback, CallbackError
from paidan.channels.door import MARK, answer_knock
from paidan.console.guard import READ_WITHIN
from paidan.console.viewer import SERVICES

LIMIT: Final = 1024 * 1024
"""The largest body in bytes."""

log = logging.getLogger(__name__)


async def receive(request: web.Request) -> web.Response:
    """One call of a platform."""
    name = request.match_info["channel"]
    adapter = request.app[SERVICES].hooks.get(name)
    if MARK in request.query:
        return await _knocked(request, plugged=adapter is not None)
    if adapter is None:
        return web.Response(status=HTTPStatus.NOT_FOUND, text="no such channel")
    return await _received(request, name, adapter)


async def _received(request: web.Request, name: str, adapter: Adapter) -> web.Response:
    services = request.app[SERVICES]
    try:
        callback = Callback(
            method=request.method,
            query=dict(request.query),
            headers={key.lower(): value for key, value in request.headers.items()},
            body=await _body(request),
        )
        answer = await adapter.receive(callback)
    except TimeoutError:
        services.count(name, "too_slow")
        return web.Response(status=HTTPStatus.REQUEST_TIMEOUT)
    except web.HTTPRequestEntityTooLarge:
        services.count(name, "too_large")
        return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    except CallbackError as refusal:
        services.count(name, type(refusal).__name__.lower())
        log.warning("a call to %s was refused: %s", name, refusal.why)
        return web.Response(status=refusal.status)
    except Exception:
        services.count(name, "failed")
        log.exception("a call to %s failed", name)
        return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "5"})
    services.count(name, "accepted")
    return web.Response(
        status=answer.status, body=answer.body, content_type=answer.content_type, charset="utf-8"
    )


async def _knocked(request: web.Request, *, plugged: bool) -> web.Response:
    """The answer to the doctor, who asks whether this door is ours."""
    services = request.app[SERVICES]
    try:
        body = await _body(request)
    except TimeoutError:
        return web.Response(status=HTTPStatus.REQUEST_TIMEOUT)
    except web.HTTPRequestEntityTooLarge:
        return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    said = answer_knock(
        services.secret,
        request.match_info["channel"],
        request.query[MARK],
        body,
        services.real_now(),
        plugged=plugged,
    )
    if said is None:
        return web.Response(status=HTTPStatus.FORBIDDEN)
    return web.Response(body=said, content_type="application/json")


async def _body(request: web.Request) -> bytes:
    data = bytearray()
    async with asyncio.timeout(READ_WITHIN):
        async for chunk in request.content.iter_any():
            data += chunk
            if len(data) > LIMIT:
                raise web.HTTPRequestEntityTooLarge(LIMIT, len(data))
    return bytes(data)
