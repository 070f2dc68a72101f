"""Presses of signed-in staff: through the front desk like everybody's, then the answer to show."""

from __future__ import annotations

from aiohttp import web

from bots.web import parse
from paidan.console.live import HUB
from paidan.console.render import reader_of
from paidan.console.viewer import SERVICES
from workflow.company import Identity, Staff
from workflow.kept import Admitted, Post
from workflow.ports import UnitOfWork
from workflow.records import ChatRef

CHANNEL = "console"
_SETTLE_WITHIN = 6.0
_ANSWER_WITHIN = 2.0


async def conclude(request: web.Request, staff: Staff, once: str, action: dict[str, object]) -> str:
    """Press a button as this person and wait for what comes of it, in words.

    A repeated ``once`` is the same press: nothing happens again.
    """
    services = request.app[SERVICES]
    place = ChatRef(CHANNEL, f"staff:{staff.id}", "direct")
    payload = {"id": once, "chat": place.chat, "sender": staff.id, "action": action}
    now = services.store.now(services.tenant)
    inbound = parse(payload, tenant=services.tenant, channel=CHANNEL, now=now)
    await services.store.transact(services.tenant, lambda uow: _introduce(uow, staff))
    before = await _last_line(request, place)
    admitted = await services.receive(inbound)
    reader = reader_of(request)
    if admitted is None:
        return reader.t("act.repeated")
    message = await settled(request, admitted)
    if message is None:
        return reader.t("act.waiting")
    if message.outcome == action["do"]:
        return reader.t("act.done", what=reader.t_or(f"act.{message.outcome}", ""))
    answer = await request.app[HUB].until(
        lambda: _line_after(request, place, before), within=_ANSWER_WITHIN
    )
    return answer.text if answer and answer.text else reader.t("act.done", what="")


async def settled(request: web.Request, admitted: Admitted) -> Admitted | None:
    """The message once it was handled; None when that takes longer than a page should wait."""
    services = request.app[SERVICES]

    async def probe() -> Admitted | None:
        message = await services.store.read(services.tenant, lambda uow: uow.inbox.get(admitted.id))
        return message if message is not None and message.state != "waiting" else None

    return await request.app[HUB].until(probe, within=_SETTLE_WITHIN)


def _introduce(uow: UnitOfWork, staff: Staff) -> None:
    """Let the front desk know who a console user is."""
    known = uow.people.identity(CHANNEL, staff.id)
    wanted = Identity(CHANNEL, staff.id, staff.role, staff.id, staff.name)
    if known != wanted:
        uow.people.put_identity(wanted)


async def _last_line(request: web.Request, place: ChatRef) -> int:
    services = request.app[SERVICES]
    lines = await services.store.read(services.tenant, lambda uow: uow.chat_log.lines(place, 0, 1))
    return lines[-1].id if lines else 0


async def _line_after(request: web.Request, place: ChatRef, before: int) -> Post | None:
    services = request.app[SERVICES]
    lines = await services.store.read(
        services.tenant, lambda uow: uow.chat_log.lines(place, before, 5)
    )
    return next((line for line in lines if line.direction == "out" and line.id > before), None)
