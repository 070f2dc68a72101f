"""``/metrics``, ``/healthz`` and ``/readyz``: on the console's door, or on one of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest
from http import HTTPStatus

import structlog
from aiohttp import web

from paidan.watch.books import last
from paidan.watch.meters import CONTENT_TYPE, Meters
from paidan.watch.readiness import Readiness, words
from storage import SqlStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Watchman:
    """Who answers for one process.

    ``token`` opens the figures, as ``Authorization: Bearer …``; without one they are shown on a
    door of their own alone. ``channels`` gives the names of the channels, and those left alone or
    barred by their platforms.
    """

    meters: Meters
    readiness: Readiness
    store: SqlStore
    tenant: str
    token: str = ""
    locale: str = "zh_CN"
    channels: Callable[[], tuple[list[str], set[str], set[str]]] = lambda: ([], set(), set())

    async def healthz(self, _: web.Request) -> web.Response:
        """The process lives."""
        return web.json_response({"alive": True})

    async def readyz(self, _: web.Request) -> web.Response:
        """200 when it can serve, else 503 with the reasons in plain words."""
        state = await self.readiness.look()
        body: dict[str, object] = {"ready": state.ready, "checks": dict(state.checks)}
        if state.why:
            body["why"] = [words(code, self.locale) for code in state.why]
        body["figures"] = dict(state.figures)
        if state.ready:
            return web.json_response(body)
        headers = {"Retry-After": "5"}
        return web.json_response(body, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)

    async def metrics(self, request: web.Request) -> web.Response:
        """The figures, for whoever brings the token."""
        if self.token and not self._knows(request.headers.get("Authorization", "")):
            headers = {"WWW-Authenticate": "Bearer"}
            return web.Response(status=HTTPStatus.UNAUTHORIZED, headers=headers)
        state = await self.readiness.look()
        self.meters.backlog(state.backlog, self.store.now(self.tenant))
        self.meters.readiness(dict(state.checks))
        self.meters.channels(*self.channels())
        await self._audited()
        return web.Response(body=self.meters.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _audited(self) -> None:
        try:
            found = await last(self.store, self.tenant)
        except Exception as error:  # noqa: BLE001 - the readiness says what is wrong
            log.warning("the last audit cannot be read", why=str(error))
            return
        if found is not None:
            self.meters.audit(found.at, found.findings)

    def _knows(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        return scheme.lower() == "bearer" and compare_digest(
            token.strip().encode("utf-8", "replace"), self.token.encode()
        )

    def add_to(self, app: web.Application, *, own_door: bool = False) -> None:
        """Put the pages on an application; figures without a token only on a door of their own."""
        app.router.add_get("/healthz", self.healthz)
        app.router.add_get("/readyz", self.readyz)
        if self.token or own_door:
            app.router.add_get("/metrics", self.metrics)


def own_door(watchman: Watchman) -> web.Application:
    """The pages alone, for an address that only those who watch can reach."""
    app = web.Application(client_max_size=1024)
    watchman.add_to(app, own_door=True)
    return app
