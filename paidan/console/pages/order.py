"""One work order: the conversation, what happened and why, the clocks, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from bots.knowledge import ADVISING
from paidan.console.actions import Desk, buttons, case_buttons
from paidan.console.answers import done
from paidan.console.chats import pressed
from paidan.console.guard import read_form
from paidan.console.history import Account, Entry, Teller
from paidan.console.press import conclude
from paidan.console.render import Reader, page, reader_of
from paidan.console.rights import Right, has, see_order
from paidan.console.view import Job, job_of, readings, rules_of
from paidan.console.viewer import SERVICES, VIEWER
from storage.figures import OrderPage
from workflow.automation import calendars
from workflow.company import Company, Staff
from workflow.errors import UnknownTicket
from workflow.escalation import targets, upcoming
from workflow.events import Kind
from workflow.kept import Queued
from workflow.knowledge import Advice, advise, question_about
from workflow.ports import UnitOfWork
from workflow.records import Button, ChatRef, Media
from workflow.work_order import WorkOrder

_AHEAD = 4
_LINES = 60


@dataclass(frozen=True)
class Ahead:
    """A step of the ladder that comes unless somebody moves."""

    due: datetime
    act: str
    targets: str


@dataclass(frozen=True)
class Said:
    """One line of the conversation, whichever channel it was on."""

    at: datetime
    author: str
    direction: str
    text: str
    media: tuple[Media, ...] = ()


@dataclass(frozen=True)
class Told:
    """A notice with its delivery: who, where, how it went, and which rule made it."""

    at: datetime
    who: str
    where: str
    state: str
    tone: str
    text: str
    why: str
    card: bool


@dataclass(frozen=True)
class Sheet:
    """Everything the page shows."""

    job: Job
    handler: str
    team: str
    entries: list[Entry]
    accounts: list[Account]
    ahead: list[Ahead]
    buttons: tuple[Button, ...]
    posts: list[Said]
    notices: list[Told]
    links: list[tuple[str, str]]
    advice: Advice
    whole_house: bool
    """The viewer may open every work order, so numbers lead there."""


async def show(request: web.Request) -> web.Response:
    """The page."""
    services, viewer = request.app[SERVICES], request[VIEWER]
    ref, reader = request.match_info["number"], reader_of(request)
    found = await services.store.queries.order_page(services.tenant, ref)
    if found is None:
        raise UnknownTicket(ref=ref)
    see_order(viewer.me, found.order)
    advice = await _advice(request, found.order)
    sheet = await services.store.read(
        services.tenant, lambda uow: _sheet(uow, found, viewer.me, reader, advice)
    )
    return page(request, "order.html", sheet=sheet, mask=not _whole(viewer.me, sheet))


async def _advice(request: web.Request, order: WorkOrder) -> Advice:
    """How the like was fixed before; nothing of what is closed."""
    services = request.app[SERVICES]
    if services.knows is None or not order.open:
        return Advice()
    await services.knows.refresh(services.tenant)
    return advise(services.knows.repairs(services.tenant, question_about(order), ADVISING))


def _sheet(uow: UnitOfWork, found: OrderPage, me: Staff, reader: Reader, advice: Advice) -> Sheet:
    order, company, policy = found.order, uow.company, rules_of(uow, found.order)
    teller = Teller(reader, company, policy)
    desk = Desk(company, policy, uow.people.presence(), reader, reader.now)
    steps = upcoming(order, policy, calendars(company), reader.now)[:_AHEAD]
    team = company.teams.get(order.team_id)
    return Sheet(
        job=job_of(uow, order, reader),
        handler=teller.name(order.assignee),
        team=team.name if team else "",
        entries=teller.timeline(found.events),
        accounts=[teller.account(r) for r in readings(order, company, policy, reader.now)],
        ahead=[
            Ahead(step.due, step.act, teller.names(targets(step, order, company))) for step in steps
        ],
        buttons=(*_decisions(uow, order, me, reader), *buttons(order, me, desk)),
        posts=_conversation(found, reader),
        notices=[_told(queued, company, reader) for queued in reversed(found.notices)],
        links=_links(uow, order),
        advice=advice,
        whole_house=has(me, Right.ALL_ORDERS),
    )


def _decisions(uow: UnitOfWork, order: WorkOrder, me: Staff, reader: Reader) -> Iterator[Button]:
    """What a person has to decide about this work order before anything else."""
    if has(me, Right.ALL_ORDERS):
        for case in uow.cases.open():
            if case.order_id == order.id:
                yield from case_buttons(case, reader)


def _conversation(found: OrderPage, reader: Reader) -> list[Said]:
    """What was said about this work order: messages in, and the words of what went out."""
    said = [
        Said(
            at=message.inbound.sent_at,
            author=message.inbound.sender_name or reader.t("role.customer"),
            direction="in",
            text=message.inbound.text,
            media=message.inbound.media,
        )
        for message in found.messages
        if message.inbound.action is None
    ]
    said += [
        Said(q.receipt.at, reader.t("role.system"), "out", q.notice.text, ())
        for q in found.notices
        if q.receipt is not None and q.notice.role == "customer" and not _is_card(q)
    ]
    return sorted(said, key=lambda line: line.at)[-_LINES:]


def _told(queued: Queued, company: Company, reader: Reader) -> Told:
    notice = queued.notice
    staff = company.staff.get(notice.person or "")
    group = notice.to.kind == "group"
    who = staff.name if staff else reader.t("group" if group else f"role.{notice.role}")
    return Told(
        at=queued.created_at,
        who=who,
        where=_where(notice.to, company, reader),
        state=queued.state,
        tone=_TONES.get(queued.state, ""),
        text=notice.text,
        why=queued.error or ("" if notice.why in set(Kind) else notice.why),
        card=_is_card(queued),
    )


def _is_card(queued: Queued) -> bool:
    """A repaint of a living card rather than a message of its own."""
    return (queued.notice.topic or "").startswith("card:")


def _where(to: ChatRef, company: Company, reader: Reader) -> str:
    """A chat by the name people know it by."""
    channel = reader.t_or(f"channel.{to.channel}", to.channel)
    if to.kind == "direct":
        return f"{channel} · {reader.t('place.direct')}"
    team = next((t.name for t in company.teams.values() if to in t.groups), "")
    desk = reader.t("column.supervisors") if to in company.supervisor_groups else to.chat
    return f"{channel} · {team or desk}"


_TONES = {"sent": "good", "dead": "bad", "unknown": "warn"}


def _links(uow: UnitOfWork, order: WorkOrder) -> list[tuple[str, str]]:
    """Linked work orders as (relation, number)."""
    found = [(relation, uow.orders.find(other)) for relation, other in order.links]
    return [(relation, other.number) for relation, other in found if other is not None]


def _whole(me: Staff, sheet: Sheet) -> bool:
    """Whole phone numbers are for the handler and the desk."""
    return has(me, Right.ALL_ORDERS) or sheet.job.order.assignee == me.id


async def act(request: web.Request) -> web.StreamResponse:
    """A button of the console; the answer comes back as a sentence."""
    form = await read_form(request)
    text = await conclude(request, request[VIEWER].me, form.get("once", ""), pressed(form))
    return done(request, text, back=form.get("back", "/"))
