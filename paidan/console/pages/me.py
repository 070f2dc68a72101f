"""The engineer's phone home: the next job, big buttons within the thumb's reach, then the rest."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from paidan.console.actions import Desk, buttons
from paidan.console.lists import day_start
from paidan.console.render import page, reader_of
from paidan.console.view import Job, job_of, rules_of
from paidan.console.viewer import SERVICES, VIEWER
from workflow.dispatch.duty import on_duty
from workflow.ports import UnitOfWork
from workflow.records import Button
from workflow.work_order import WorkOrder


@dataclass(frozen=True)
class AtHand:
    """A job and what its engineer can do now, the likeliest first."""

    job: Job
    buttons: tuple[Button, ...]


@dataclass(frozen=True)
class Work:
    """Everything on the page: my jobs, those I may claim, today's harvest."""

    jobs: list[AtHand]
    claims: list[AtHand]
    present: bool
    closed_today: int


async def show(request: web.Request) -> web.Response:
    """My next job."""
    services, viewer = request.app[SERVICES], request[VIEWER]
    me, reader = viewer.me, reader_of(request)
    start = day_start(reader.now, viewer.company)
    home = await services.store.queries.staff_home(services.tenant, me.id, reader.now, start)

    def work(uow: UnitOfWork) -> Work:
        presence = uow.people.presence()

        def at_hand(order: WorkOrder) -> AtHand:
            policy = rules_of(uow, order)
            desk = Desk(uow.company, policy, presence, reader, reader.now)
            own = [b for b in buttons(order, me, desk) if b.action.do not in _DESK_ONLY]
            return AtHand(job_of(uow, order, reader), tuple(own))

        taken = {order.id for order in home.jobs}
        return Work(
            jobs=[at_hand(order) for order in home.jobs],
            claims=[at_hand(order) for order in home.claimable if order.id not in taken],
            present=on_duty(me, uow.company, presence, reader.now),
            closed_today=home.closed_today,
        )

    return page(request, "me.html", me=me, work=await services.store.read(services.tenant, work))


_DESK_ONLY = frozenset({"take_over", "extend", "change_priority", "cancel"})
