"""The doors of chat platforms: ``/hooks/<channel>``, bounded in size and time, in plain answers.

A platform is answered only after its message is durably ours. What it sends wrongly is counted
and refused; what goes wrong on our side is answered 503, so that it sends again. That is said
while there still is somebody to hear it, whatever stands still behind us.
"""

from __future__ import annotations

import asyncio
import logging
import time
from http import HTTPStatus
from typing import Final

from aiohttp import web

from bots.gateway.adapter import Adapter, Answer, Callback, CallbackError, Holding
from paidan.channels.door import MARK, answer_knock
from paidan.console.guard import read_body
from paidan.console.viewer import SERVICES
from workflow.errors import Unavailable

LIMIT: Final = 1024 * 1024
"""The largest body in bytes."""
ANSWER_WITHIN: Final = 4.7
"""Seconds from its coming in which a call is answered; the platforms wait for five."""
AGAIN: Final = 0.25
"""Seconds before a call that is held is tried again."""
BEHIND = web.AppKey("behind", set[asyncio.Task[Answer]])
"""Calls that are not through yet, also when they were answered 503 because they took too long."""

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
            body=await read_body(request, LIMIT),
        )
        answer = await _in_time(request, adapter, callback)
    except TimeoutError:
        services.count(name, "too_slow")
        return web.Response(status=HTTPStatus.REQUEST_TIMEOUT)
    except (web.HTTPRequestEntityTooLarge, web.HTTPBadRequest) as refusal:
        broken = refusal.status == HTTPStatus.BAD_REQUEST
        services.count(name, "malformed" if broken else "too_large")
        return web.Response(status=refusal.status)
    except CallbackError as refusal:
        services.count(name, type(refusal).__name__.lower())
        log.warning("a call to %s was refused: %s", name, refusal.why)
        return web.Response(status=refusal.status)
    except Unavailable as trouble:
        services.count(name, "unavailable")
        log.warning("a call to %s could not be kept: %s", name, trouble)
        return _again()
    except Exception:
        services.count(name, "failed")
        log.exception("a call to %s failed", name)
        return _again()
    services.count(name, "accepted")
    return web.Response(
        status=answer.status, body=answer.body, content_type=answer.content_type, charset="utf-8"
    )


async def _in_time(request: web.Request, adapter: Adapter, callback: Callback) -> Answer:
    """What the platform is answered. Who is too slow goes on behind the refusal: what it keeps is
    found when the platform calls again.

    Raises:
        CallbackError: it is refused.
        Unavailable: it could not be kept, or not in time.
    """
    behind = request.app[BEHIND]
    taking = asyncio.create_task(_held(adapter, callback), name=f"hook:{adapter.name}")
    behind.add(taking)
    taking.add_done_callback(behind.discard)
    await asyncio.wait({taking}, timeout=callback.came + ANSWER_WITHIN - time.monotonic())
    if taking.done():
        return taking.result()
    taking.add_done_callback(_ended)
    raise Unavailable(why=f"not taken within {ANSWER_WITHIN} s")


async def _held(adapter: Adapter, callback: Callback) -> Answer:
    """Take a call, again and again while nothing can be kept, if its platform is one to hold."""
    until = callback.came + (adapter.hold_for if isinstance(adapter, Holding) else 0.0)
    while True:
        try:
            return await adapter.receive(callback)
        except Unavailable:
            if time.monotonic() + AGAIN > until:
                raise
        await asyncio.sleep(AGAIN)


def _ended(taking: asyncio.Task[Answer]) -> None:
    """Nobody else looks at how it ended."""
    if not taking.cancelled() and taking.exception() is not None:
        log.warning("a call that took too long failed: %r", taking.exception())


def _again() -> web.Response:
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "5"})


async def give_up(app: web.Application) -> None:
    """End what is still behind, when the doors are closed; the platforms call again."""
    behind = app[BEHIND].copy()
    for taking in behind:
        taking.cancel()
    await asyncio.gather(*behind, return_exceptions=True)


async def _knocked(request: web.Request, *, plugged: bool) -> web.Response:
    """The answer to the doctor, who asks whether this door is ours."""
    services = request.app[SERVICES]
    try:
        body = await read_body(request, LIMIT)
    except TimeoutError:
        return web.Response(status=HTTPStatus.REQUEST_TIMEOUT)
    except (web.HTTPRequestEntityTooLarge, web.HTTPBadRequest) as refusal:
        return web.Response(status=refusal.status)
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
