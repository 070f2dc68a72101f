"""The sandbox: customer, engineer group and supervisor group side by side, and a clock to wind.

It speaks on channel ``sandbox``, by the same protocol as every other; nothing here is a shortcut.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup

from paidan.console import chats
from paidan.console.answers import done, go_back, whole_number
from paidan.console.chats import Chat, chat_ref
from paidan.console.guard import read_form
from paidan.console.live import HUB
from paidan.console.render import page, reader_of
from paidan.console.viewer import SERVICES, SESSION_COOKIE, VIEWER, session_cookie, set_cookie
from paidan.console.words import pick
from workflow.company import Company, Staff
from workflow.errors import InvalidInput
from workflow.ports import UnitOfWork
from workflow.records import ChatRef

CHANNEL = "sandbox"
_WINDS = (1, 5, 15, 60, 1440)
_MOST_WOUND = 7 * 24 * 60
_EXAMPLES = 5


@dataclass
class Column:
    """One column: who can speak in it, who does, which chat it shows."""

    id: str
    icon: str
    picks: str
    people: list[tuple[str, str]]
    speaker: str
    chat: str
    title: str
    tabs: list[Tab] = field(default_factory=list)
    examples: tuple[str, ...] = ()
    lines: Markup = field(default_factory=Markup)
    mark: str = ""


@dataclass(frozen=True)
class Tab:
    """One chat of a column."""

    chat: str
    name: str
    href: str


@dataclass(frozen=True)
class Cast:
    """Who is on stage, as the address says; what it does not say is chosen."""

    customer: str
    engineer: str
    supervisor: str
    team: str
    desk: str
    col: str

    def where(self, **other: str) -> str:
        """The address with some of it changed."""
        return "/sandbox?" + urlencode({**self.__dict__, **other})


async def show(request: web.Request) -> web.Response:
    """The page."""
    services, viewer = request.app[SERVICES], request[VIEWER]
    people = await services.store.queries.customers(services.tenant)
    customers = [(customer.id, customer.name) for customer in people]
    cast = _cast(request, viewer.company, customers)
    columns = _columns(viewer.company, cast, customers, viewer.locale)
    for column in columns:
        lines = await chats.read(request, _chat(column.chat, column.speaker))
        column.lines, column.mark = lines.whole, lines.mark
    reader = reader_of(request)
    return page(
        request,
        "sandbox.html",
        columns=columns,
        shown=cast.col,
        picked={
            "customer": cast.customer,
            "engineer": cast.engineer,
            "supervisor": cast.supervisor,
        },
        here=cast.where(),
        winds=[(minutes, reader.span(timedelta(minutes=minutes))) for minutes in _WINDS],
        supervisor=_chief(viewer.company),
    )


async def live(request: web.Request) -> web.StreamResponse:
    """The lines of the chats the page shows."""
    names = (name.rpartition("~")[0] for name in request.query.getall("chat", []))
    return await chats.live(request, [_chat(name, "") for name in names if name])


async def say(request: web.Request) -> web.StreamResponse:
    """Somebody on stage says something."""
    form = await read_form(request)
    place = chat_ref(CHANNEL, form.get("chat", ""))
    sender, name = await _speaker(request, place, form.get("sender", ""), "")
    await chats.say(request, form, place=place, sender=sender, sender_name=name)
    return done(request, back=form.get("back", "/sandbox"))


async def act(request: web.Request) -> web.StreamResponse:
    """Somebody on stage presses a button: whoever speaks in the column the card is in."""
    form = await read_form(request)
    place = chat_ref(CHANNEL, form.get("chat", ""))
    sender, name = await _speaker(request, place, form.get("sender", ""), form.get("order", ""))
    await chats.press(request, form, place=place, sender=sender, sender_name=name)
    return done(request, back="/sandbox")


async def wind(request: web.Request) -> web.StreamResponse:
    """Let time pass; everything due on the way happens at its own time."""
    services = request.app[SERVICES]
    if services.wind is None:
        raise web.HTTPNotFound
    form = await read_form(request)
    minutes = whole_number(form, "minutes", 1, _MOST_WOUND)
    await services.wind(services.tenant, timedelta(minutes=minutes))
    request.app[HUB].announce(services.tenant, frozenset({"clock"}))
    reader = reader_of(request)
    text = reader.t(
        "wound", n=reader.span(timedelta(minutes=minutes)), now=reader.clock(reader.now)
    )
    return done(request, text, back=form.get("back", "/sandbox"))


async def reset(request: web.Request) -> web.StreamResponse:
    """Put the seeded demo back."""
    services = request.app[SERVICES]
    if services.reset_demo is None:
        raise web.HTTPNotFound
    await services.reset_demo()
    raise web.HTTPSeeOther("/sandbox")


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Look at the console as one of the demo's people; only where everybody is made up."""
    services = request.app[SERVICES]
    if services.mode != "demo":
        raise web.HTTPNotFound
    form = await read_form(request)
    staff = request[VIEWER].company.staff.get(form.get("staff", ""))
    if staff is None:
        raise InvalidInput(field="staff", found=form.get("staff", ""), allowed="demo staff")
    answer = go_back(form.get("back") or ("/me" if staff.role == "engineer" else "/"))
    set_cookie(request, answer, SESSION_COOKIE, session_cookie(services, staff.id))
    return answer


def _chat(name: str, me: str) -> Chat:
    explains = name.startswith("customer:")
    return Chat(chat_ref(CHANNEL, name), me, "/sandbox/act", explains)


async def _speaker(
    request: web.Request, place: ChatRef, chosen: str, order_id: str
) -> tuple[str, str]:
    """Who speaks, and their name; where nobody was chosen, whoever the card is for."""
    services = request.app[SERVICES]

    def who(uow: UnitOfWork) -> tuple[str, str]:
        sender = chosen or _stand_in(uow, place, order_id)
        person = uow.company.staff.get(sender) or uow.people.customer(sender)
        return sender, person.name if person else ""

    return await services.store.read(services.tenant, who)


def _stand_in(uow: UnitOfWork, place: ChatRef, order_id: str) -> str:
    """In a team's group the engineer the work order is offered to (the one pressed, else the
    latest shown there); in the supervisors' group that team's supervisor.
    """
    company, (kind, _, name) = uow.company, place.chat.partition(":")
    if kind in {"staff", "customer"}:
        return name
    shown = uow.orders.find(order_id) if order_id else None
    order = shown or next(iter(uow.orders.shown_in(place)), None)
    if name in company.teams:
        members = [s.id for s in company.members(name) if s.role == "engineer"]
        wanted = (order.assignee, *order.candidates) if order else ()
        return next((s for s in (*wanted, *members) if s in company.staff), "")
    team = company.teams.get(order.team_id) if order else None
    return team.supervisor if team else _chief(company).id


def _of_role(company: Company, *roles: str) -> list[Staff]:
    return [s for _, s in sorted(company.staff.items()) if s.role in roles and s.active]


def _chief(company: Company) -> Staff:
    """Whom a visitor sees the console as: the first supervisor who leads a team."""
    leads = [company.staff[t.supervisor] for t in company.teams.values()]
    return (leads or _of_role(company, "supervisor", "admin"))[0]


def _cast(request: web.Request, company: Company, customers: list[tuple[str, str]]) -> Cast:
    asked = request.query
    team = asked.get("team", "")
    if team.startswith("staff:") and asked.get("engineer"):
        team = f"staff:{asked['engineer']}"
    elif team not in company.teams:
        team = next(iter(company.teams), "")
    engineers = ["", *(s.id for s in _of_role(company, "engineer"))]
    chiefs = ["", *(s.id for s in _of_role(company, "supervisor", "admin"))]
    col = asked.get("col", "")
    return Cast(
        customer=_either(asked.get("customer"), [one for one, _ in customers]),
        engineer=_either(asked.get("engineer"), engineers),
        supervisor=_either(asked.get("supervisor"), chiefs),
        team=team,
        desk=asked.get("desk", ""),
        col=col if col in {"customer", "engineers", "supervisors"} else "customer",
    )


def _either(asked: str | None, allowed: list[str]) -> str:
    return asked if asked in allowed else next(iter(allowed), "")


def _columns(
    company: Company, cast: Cast, customers: list[tuple[str, str]], locale: str
) -> list[Column]:
    auto = [("", pick(locale, "speaks.auto"))]
    engineers = auto + [(s.id, _with_team(company, s)) for s in _of_role(company, "engineer")]
    chiefs = auto + [(s.id, s.name) for s in _of_role(company, "supervisor", "admin")]
    customer = Column(
        id="customer",
        icon="customer",
        picks="customer",
        people=customers,
        speaker=cast.customer,
        chat=f"customer:{cast.customer}",
        title=dict(customers).get(cast.customer, ""),
        examples=tuple(pick(locale, f"example.{n}") for n in range(1, _EXAMPLES + 1)),
    )
    return [customer, _team_column(company, cast, engineers, locale), _desk(cast, chiefs, locale)]


def _team_column(
    company: Company, cast: Cast, people: list[tuple[str, str]], locale: str
) -> Column:
    tabs = [
        Tab(f"group:{team.id}", team.name, cast.where(team=team.id, col="engineers"))
        for team in company.teams.values()
    ]
    private = f"staff:{cast.engineer}"
    if cast.engineer:
        own = pick(locale, "private")
        tabs.append(Tab(private, own, cast.where(team=private, col="engineers")))
    chat = private if cast.team.startswith("staff:") else f"group:{cast.team}"
    title = next((tab.name for tab in tabs if tab.chat == chat), "")
    return Column("engineers", "wrench", "engineer", people, cast.engineer, chat, title, tabs)


def _desk(cast: Cast, people: list[tuple[str, str]], locale: str) -> Column:
    private = f"staff:{cast.supervisor}"
    group = pick(locale, "column.supervisors")
    tabs = [Tab("group:supervisors", group, cast.where(desk="", col="supervisors"))]
    if cast.supervisor:
        own = pick(locale, "private")
        tabs.append(Tab(private, own, cast.where(desk="private", col="supervisors")))
    chat = private if cast.desk and cast.supervisor else "group:supervisors"
    return Column("supervisors", "shield", "supervisor", people, cast.supervisor, chat, group, tabs)


def _with_team(company: Company, staff: Staff) -> str:
    team = company.teams.get(staff.team)
    return f"{staff.name} · {team.name}" if team else staff.name
