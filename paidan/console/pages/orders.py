"""The list of work orders: search and filters in the address, newest first."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from aiohttp import web

from paidan.console.lists import choices, filters_of, row_of, shown_filters
from paidan.console.render import page, reader_of
from paidan.console.rights import Right
from paidan.console.viewer import SERVICES, VIEWER
from workflow.company import Company

_MOST_PAGES = 1000


async def show(request: web.Request) -> web.Response:
    """One page of the list. Engineers find their own jobs only."""
    services, viewer, reader = request.app[SERVICES], request[VIEWER], reader_of(request)
    company, query = viewer.company, request.query
    text = query.get("q", "").strip()[:100]
    filters = filters_of(query, company, reader.now)
    named = _colleague(text, company)
    if named:
        filters = replace(filters, assignee=named)
    if not viewer.has(Right.ALL_ORDERS):
        filters = replace(filters, assignee=viewer.me.id)
    number = query.get("page", "0")
    at = min(int(number), _MOST_PAGES) if number.isascii() and number.isdigit() else 0
    found = await services.store.queries.search(services.tenant, "" if named else text, filters, at)
    chosen = shown_filters(query)

    def link(to: int) -> str:
        words = {"q": text} if text else {}
        return "/orders?" + urlencode({**words, **chosen, "page": to})

    return page(
        request,
        "orders.html",
        rows=[row_of(order, company, reader) for order in found.orders],
        total=found.total,
        search_text=text,
        filters=chosen,
        choices=choices(company, reader, states=True),
        earlier=link(at - 1) if at else "",
        later=link(at + 1) if found.more else "",
    )


def _colleague(text: str, company: Company) -> str:
    """The id of the colleague who is called exactly so; searching a name finds their work."""
    return next((s.id for s in company.staff.values() if text and text in {s.name, s.id}), "")
