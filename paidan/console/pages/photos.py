"""The pictures of a work order, for whoever reads a card that cannot show them.

The page names nobody and no place; its pictures come without what the camera wrote into them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aiohttp import web

from paidan.console.render import page
from paidan.console.viewer import SERVICES
from paidan.signing import unsign
from workflow.errors import NotAllowed, UnknownTicket
from workflow.ports import UnitOfWork
from workflow.work_order import WorkOrder

SHOWN_FOR: Final = timedelta(days=3)
"""How long after the end of the work the link is good."""


async def show(request: web.Request) -> web.Response:
    """The pictures.

    Raises:
        NotAllowed: the link is none of ours, or the work has been over for long.
    """
    services = request.app[SERVICES]
    facts = unsign(services.secret, "photos", request.match_info["token"], services.real_now())
    if facts.get("tenant") != services.tenant:
        raise NotAllowed("bad_token")
    order = await _order(request, str(facts.get("order")))
    over = order.closed_at
    if over is not None and services.store.now(services.tenant) - over > SHOWN_FOR:
        raise NotAllowed("expired_token")
    blobs = [media.blob for media in order.media if media.kind == "image" and media.blob]
    return page(request, "photos.html", order=order, blobs=blobs)


async def _order(request: web.Request, order_id: str) -> WorkOrder:
    services = request.app[SERVICES]

    def read(uow: UnitOfWork) -> WorkOrder:
        try:
            return uow.orders.get(order_id)
        except UnknownTicket:
            raise NotAllowed("expired_token") from None

    return await services.store.read(services.tenant, read)
