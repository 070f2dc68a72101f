"""The console's web application: one table of addresses, each with the right it needs."""

from __future__ import annotations

from aiohttp import web

from paidan.console import assets, guard
from paidan.console.assets import SHELF
from paidan.console.guard import Route, guarded
from paidan.console.live import HUB, Hub
from paidan.console.pages import (
    alarms,
    board,
    entry,
    files,
    hooks,
    knowledge,
    me,
    order,
    orders,
    overview,
    people,
    photos,
    presses,
    sandbox,
    understanding,
    webchat,
)
from paidan.console.pages.files import UPLOAD_LIMIT, UPLOADS
from paidan.console.pages.webchat import LIMITS, Limits
from paidan.console.rights import Right
from paidan.console.services import Services
from paidan.console.viewer import SERVICES

ROUTES: tuple[Route, ...] = (
    # customers
    Route("GET", "/chat", webchat.show, Right.ANYONE),
    Route("GET", "/chat/live", webchat.live, Right.ANYONE),
    Route("POST", "/chat/say", webchat.say, Right.ANYONE),
    Route("POST", "/chat/act", webchat.act, Right.ANYONE),
    Route("GET", "/a/{token}", webchat.asset, Right.ANYONE),
    Route("POST", "/a/{token}", webchat.report, Right.ANYONE),
    Route("GET", "/a/{token}/qr.svg", webchat.qr, Right.ANYONE),
    Route("POST", "/upload", files.upload, Right.ANYONE, limit=UPLOAD_LIMIT, uploads=True),
    Route("GET", "/blobs/{blob}", files.blob, Right.ANYONE),
    # coming in
    Route("GET", "/login", entry.ask, Right.ANYONE),
    Route("GET", "/login/{token}", entry.offer, Right.ANYONE),
    Route("POST", "/login/{token}", entry.use, Right.ANYONE),
    Route("POST", "/sign-out", entry.leave, Right.ANYONE),
    Route("POST", "/looks", entry.looks, Right.ANYONE),
    Route("GET", "/do/{token}", entry.show_action, Right.ANYONE),
    Route("POST", "/do/{token}", entry.do_action, Right.ANYONE),
    Route("GET", "/photos/{token}", photos.show, Right.ANYONE),
    Route("GET", "/press/{token}", presses.show, Right.ANYONE),
    Route("POST", "/press/{token}", presses.do, Right.ANYONE),
    # the sandbox
    Route("GET", "/sandbox", sandbox.show, Right.SANDBOX),
    Route("GET", "/sandbox/live", sandbox.live, Right.SANDBOX),
    Route("POST", "/sandbox/say", sandbox.say, Right.SANDBOX),
    Route("POST", "/sandbox/act", sandbox.act, Right.SANDBOX),
    Route("POST", "/sandbox/wind", sandbox.wind, Right.SANDBOX),
    Route("POST", "/sandbox/reset", sandbox.reset, Right.SANDBOX),
    Route("POST", "/sandbox/sign-in", sandbox.sign_in, Right.SANDBOX),
    # staff
    Route("GET", "/", overview.show, Right.OWN_JOBS),
    Route("GET", "/live", overview.live, Right.OWN_JOBS),
    Route("GET", "/board", board.show, Right.ALL_ORDERS),
    Route("GET", "/orders", orders.show, Right.OWN_JOBS),
    Route("GET", "/orders/{number}", order.show, Right.OWN_JOBS),
    Route("GET", "/me", me.show, Right.OWN_JOBS),
    Route("POST", "/act", order.act, Right.OWN_JOBS),
    Route("GET", "/knowledge", knowledge.show, Right.OWN_JOBS),
    Route("GET", "/knowledge/{id}", knowledge.read, Right.OWN_JOBS),
    Route("POST", "/knowledge", knowledge.take_in, Right.KNOWLEDGE, guard.TABLE_LIMIT, files=True),
    Route("POST", "/knowledge/{id}", knowledge.save, Right.KNOWLEDGE),
    Route("GET", "/people", people.show, Right.PEOPLE),
    Route("GET", "/people/{kind}", people.show, Right.PEOPLE),
    Route("GET", "/people/{kind}/{id}", people.edit, Right.PEOPLE),
    Route(
        "POST", "/people/{kind}/import", people.take_in, Right.PEOPLE, guard.TABLE_LIMIT, files=True
    ),
    Route("POST", "/people/{kind}/{id}", people.save, Right.PEOPLE),
    Route("GET", "/understanding", understanding.show, Right.ALL_ORDERS),
    Route("POST", "/understanding/model", understanding.move, Right.MODELS),
)


def build(services: Services) -> web.Application:
    """The application; it ends its open streams when told to shut down."""
    app = web.Application(
        middlewares=[guard.translate_errors, guard.refuse_packed], client_max_size=guard.TABLE_LIMIT
    )
    app[SERVICES] = services
    app[SHELF] = assets.load()
    app[HUB] = Hub(services.tenant)
    app[LIMITS] = Limits()
    app[hooks.BEHIND] = set()
    app[UPLOADS] = files.upload_throttle()
    for route in ROUTES:
        app.router.add_route(route.method, route.path, guarded(route))
    app.router.add_get("/static/{version}/{name:.+}", assets.serve)
    app.router.add_post("/api/alarms", alarms.receive)
    app.router.add_route("*", "/hooks/{channel}", hooks.receive)
    if services.watchman is not None:
        services.watchman.add_to(app)
    app.on_response_prepare.append(guard.add_headers)
    services.store.on_commit(app[HUB].announce)

    async def hang_up(_: web.Application) -> None:
        app[HUB].close()

    app.on_shutdown.append(hang_up)
    app.on_cleanup.append(hooks.give_up)
    return app
