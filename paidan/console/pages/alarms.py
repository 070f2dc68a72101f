"""The door for devices: monitoring systems raise alarms by HTTP, with a token instead of a cookie.

It answers in plain JSON, and only after the alarm is durably ours.
"""

from __future__ import annotations

import json
import logging
from http import HTTPStatus

from aiohttp import web

from bots import alarms
from bots.alarms import Alarm
from paidan.console.guard import READ_WITHIN, read_body
from paidan.console.viewer import SERVICES
from paidan.signing import unsign
from workflow.company import Asset
from workflow.errors import InvalidInput, NotAllowed, Unavailable
from workflow.ports import UnitOfWork

log = logging.getLogger(__name__)

LIMIT = 16 * 1024
"""The largest body in bytes."""


async def receive(request: web.Request) -> web.Response:
    """Take in one alarm: 202 once it is kept, 401 without a token, 400 naming the wrong field, 503
    while nothing can be kept.
    """
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
    now = services.store.now(services.tenant)
    try:
        asset = await services.store.read(services.tenant, lambda uow: _asset(uow, alarm))
        message = alarms.inbound(alarm, asset, tenant=services.tenant, now=now)
        admitted = await services.receive(message)
    except Unavailable as trouble:
        log.warning("an alarm was not taken: %s", trouble)
        return _refused(HTTPStatus.SERVICE_UNAVAILABLE, trouble.code)
    answer = {"accepted": True, "duplicate": admitted is None}
    return web.json_response(answer, status=HTTPStatus.ACCEPTED)


_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
}


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
    try:
        return json.loads(await read_body(request, LIMIT))
    except (ValueError, RecursionError, web.HTTPBadRequest):
        raise InvalidInput(field="body", found="", allowed="JSON") from None


def _asset(uow: UnitOfWork, alarm: Alarm) -> Asset | None:
    if alarm.asset:
        return uow.people.asset(alarm.asset)
    return uow.people.asset_by_serial(alarm.serial)


def _refused(status: HTTPStatus, code: str, **facts: object) -> web.Response:
    headers = _HEADERS.get(status)
    return web.json_response({"error": code, **facts}, status=status, headers=headers)
