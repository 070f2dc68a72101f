"""The door for devices: monitoring systems raise alarms by HTTP, with a token instead of a cookie.

It answers in plain JSON, and only after the alarm is durably ours.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus

from aiohttp import web

from bots import alarms
from bots.alarms import Alarm
from paidan.console.guard import READ_WITHIN
from paidan.console.viewer import SERVICES
from paidan.signing import unsign
from workflow.company import Asset
from workflow.errors import InvalidInput, NotAllowed
from workflow.ports import UnitOfWork

LIMIT = 16 * 1024
"""The largest body in bytes."""


async def receive(request: web.Request) -> web.Response:
    """Take in one alarm: 202 once it is kept, 401 without a token, 400 naming the wrong field."""
    services = request.app[SERVICES]
    try:
        _authorise(request)
        alarm = alarms.parse(await _body(request))
    except NotAllowed as refusal:
        return _refused(HTTPStatus.UNAUTHORIZED, refusal.code)
    except InvalidInput as refusal:
        return _refused(HTTPStatus.BAD_REQUEST, refusal.code, **refusal.data)
    except web.HTTPRequestEntityTooLarge:
        return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", limit=LIMIT)
    except TimeoutError:
        return _refused(HTTPStatus.REQUEST_TIMEOUT, "too_slow", seconds=READ_WITHIN)
    asset = await services.store.read(services.tenant, lambda uow: _asset(uow, alarm))
    now = services.store.now(services.tenant)
    message = alarms.inbound(alarm, asset, tenant=services.tenant, now=now)
    admitted = await services.receive(message)
    answer = {"accepted": True, "duplicate": admitted is None}
    return web.json_response(answer, status=HTTPStatus.ACCEPTED)


def _authorise(request: web.Request) -> None:
    """Raises: NotAllowed."""
    services = request.app[SERVICES]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.isascii():
        raise NotAllowed("bad_token")
    facts = unsign(services.secret, "alarms", token.strip(), services.real_now())
    if facts.get("tenant") != services.tenant:
        raise NotAllowed("bad_token")


async def _body(request: web.Request) -> object:
    data = bytearray()
    async with asyncio.timeout(READ_WITHIN):
        async for chunk in request.content.iter_any():
            data += chunk
            if len(data) > LIMIT:
                raise web.HTTPRequestEntityTooLarge(LIMIT, len(data))
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidInput(field="body", found="", allowed="JSON") from None


def _asset(uow: UnitOfWork, alarm: Alarm) -> Asset | None:
    if alarm.asset:
        return uow.people.asset(alarm.asset)
    return uow.people.asset_by_serial(alarm.serial)


def _refused(status: HTTPStatus, code: str, **facts: object) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return web.json_response({"error": code, **facts}, status=status, headers=headers)
