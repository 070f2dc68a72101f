"""The engineer's phone home: the next job, big buttons within the thumb's reach, then the rest."""

from __future__ import annotations

from aiohttp import web

from paidan.console.actions import Desk, buttons
from paidan.console.render import page, reader_of
from paidan.console.view import Job, job_of, rules_of
from paidan.console.viewer import SERVICES, VIEWER
from workflow.duty import on_duty
from workflow.ports import UnitOfWork
from workflow.records import Button
from workflow.work_order import WorkOrder


async def show(request: web.Request) -> web.Response:
    """My next job."""
    services, viewer = request.app[SERVICES], request[VIEWER]
    me, reader = viewer.me, reader_of(request)

    def mine(uow: UnitOfWork) -> tuple[list[tuple[Job, tuple[Button, ...]]], bool]:
        presence = uow.people.presence()

        def job(order: WorkOrder) -> tuple[Job, tuple[Button, ...]]:
            policy = rules_of(uow, order)
            desk = Desk(uow.company, policy, presence, reader, reader.now)
            handler = [b for b in buttons(order, me, desk) if b.action.do not in _DESK_ONLY]
            return job_of(uow, order, reader), tuple(handler)

        jobs = [job(order) for order in uow.orders.open_for_staff(me.id)]
        return jobs, on_duty(me, uow.company, presence, reader.now)

    jobs, present = await services.store.read(services.tenant, mine)
    return page(request, "me.html", jobs=jobs, present=present, me=me)


_DESK_ONLY = frozenset({"take_over", "extend", "change_priority", "cancel"})
