"""Coming in and going out: one-time links, sign-out, language and colours, action links."""

from __future__ import annotations

from aiohttp import web

from paidan.console.answers import go_back
from paidan.console.guard import read_form
from paidan.console.press import conclude
from paidan.console.render import page
from paidan.console.viewer import (
    LOCALE_COOKIE,
    LOCALES,
    SERVICES,
    SESSION_COOKIE,
    THEME_COOKIE,
    THEMES,
    VIEWER,
    session_cookie,
    set_cookie,
)
from paidan.signing import unsign
from workflow.company import Staff
from workflow.errors import NotAllowed
from workflow.ports import UnitOfWork


async def ask(request: web.Request) -> web.Response:
    """How to get a link; in a demo, its people to sign in as."""
    services, viewer = request.app[SERVICES], request[VIEWER]
    ranks = ("supervisor", "admin", "engineer")
    people = sorted(
        (s for s in viewer.company.staff.values() if s.active and services.mode == "demo"),
        key=lambda s: (ranks.index(s.role) if s.role in ranks else len(ranks), s.team, s.id),
    )
    return page(request, "login.html", people=people, staff=None)


async def offer(request: web.Request) -> web.Response:
    """A link was opened: show whom it signs in. Chat previews open links too, so opening one
    must not use it up.
    """
    staff, _ = _of_link(request, "login")
    return page(request, "login.html", people=[], staff=staff)


async def use(request: web.Request) -> web.StreamResponse:
    """The link is used: once."""
    services = request.app[SERVICES]
    staff, facts = _of_link(request, "login")

    def first_time(uow: UnitOfWork) -> bool:
        return uow.ledger(f"login:{facts['nonce']}")

    if not await services.store.transact(services.tenant, first_time):
        raise NotAllowed("used_token")
    answer = go_back(home_of(staff))
    set_cookie(request, answer, SESSION_COOKIE, session_cookie(services, staff.id))
    return answer


def home_of(staff: Staff) -> str:
    """The page each role starts on."""
    return "/me" if staff.role == "engineer" else "/"


async def leave(_: web.Request) -> web.StreamResponse:
    """Sign out."""
    answer = go_back("/login")
    answer.del_cookie(SESSION_COOKIE, path="/")
    return answer


async def looks(request: web.Request) -> web.StreamResponse:
    """Language and colours, remembered by the browser."""
    form = await read_form(request)
    answer = go_back(form.get("back", "/"))
    if form.get("theme") in THEMES:
        set_cookie(request, answer, THEME_COOKIE, form["theme"])
    if form.get("locale") in LOCALES:
        set_cookie(request, answer, LOCALE_COOKIE, form["locale"])
    return answer


async def show_action(request: web.Request) -> web.Response:
    """An action link was opened: what would happen, and a button that does it."""
    staff, facts = _of_link(request, "do")
    services = request.app[SERVICES]
    order = await services.store.read(
        services.tenant, lambda uow: uow.orders.get(str(facts["order"]))
    )
    return page(request, "do.html", staff=staff, facts=facts, order=order)


async def do_action(request: web.Request) -> web.StreamResponse:
    """Do it, once: the nonce is the message's key."""
    staff, facts = _of_link(request, "do")
    action = {name: facts[name] for name in ("do", "order", "expect", "generation", "args")}
    text = await conclude(request, staff, f"do:{facts['nonce']}", action)
    return page(request, "said.html", sentence=text)


def _of_link(request: web.Request, purpose: str) -> tuple[Staff, dict[str, object]]:
    services = request.app[SERVICES]
    token = request.match_info["token"]
    facts = unsign(services.secret, purpose, token, services.real_now())
    staff = request[VIEWER].company.staff.get(str(facts.get("staff")))
    if facts.get("tenant") != services.tenant or staff is None or not staff.active:
        raise NotAllowed("bad_token")
    return staff, facts
