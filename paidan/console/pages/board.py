"""The board: one column a state, nearest deadline first, filters in the address."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aiohttp import web

from paidan.console.lists import Tile, choices, filters_of, shown_filters, tiles
from paidan.console.render import page, reader_of
from paidan.console.viewer import SERVICES, VIEWER
from workflow.ports import UnitOfWork

_SHOWN = 30


@dataclass(frozen=True)
class Lane:
    """One column: all there are, and the first of them."""

    state: str
    count: int
    tiles: list[Tile]


async def show(request: web.Request) -> web.Response:
    """The page."""
    services, viewer, reader = request.app[SERVICES], request[VIEWER], reader_of(request)
    filters = replace(filters_of(request.query, viewer.company, reader.now), states=())
    columns = await services.store.queries.board(services.tenant, filters)

    def lanes(uow: UnitOfWork) -> list[Lane]:
        return [
            Lane(c.state, c.total, tiles(uow, c.orders[:_SHOWN], viewer.me, reader))
            for c in columns
        ]

    return page(
        request,
        "board.html",
        lanes=await services.store.read(services.tenant, lanes),
        filters=shown_filters(request.query),
        choices=choices(viewer.company, reader, states=False),
    )
