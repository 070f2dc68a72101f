"""Staff, teams, customers and assets: lists, one record at a time, and whole tables.

An edit is a table of one row, so a form and a CSV file are checked by the same rules.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from bots.invites import Invites
from paidan.console.answers import go_back
from paidan.console.guard import read_fields, read_form
from paidan.console.render import page, reader_of
from paidan.console.rights import Right
from paidan.console.viewer import SERVICES, VIEWER
from paidan.importing import store_rows
from paidan.problems import describe
from paidan.tables import COLUMNS, Kind, decode_table, import_rows
from workflow.company import Asset, Company, Customer, Staff
from workflow.dispatch.duty import on_duty
from workflow.errors import NotAllowed

KINDS: Final[Mapping[str, Kind]] = {
    "staff": "staff",
    "customers": "customers",
    "assets": "assets",
}
_EDITABLE: Final[Mapping[Kind, tuple[str, ...]]] = {
    "staff": ("name", "phone", "skills", "shift", "place", "region", "active"),
    "customers": ("name", "phone", "vip", "place", "region"),
    "assets": ("name", "serial", "fault_type", "model", "customer_id", "place", "region"),
}
_MOST = 300

Record = Staff | Customer | Asset


async def show(request: web.Request) -> web.Response:
    """One list, with a box to find in it."""
    kind = request.match_info.get("kind", "staff")
    if kind not in {*KINDS, "teams"}:
        raise web.HTTPNotFound
    return await _list(request, kind)


async def _list(
    request: web.Request, kind: str, *, said: str = "", errors: Sequence[str] = ()
) -> web.Response:
    services, viewer = request.app[SERVICES], request[VIEWER]
    find, now = request.query.get("q", "").strip(), reader_of(request).now
    queries, tenant = services.store.queries, services.tenant
    presence = await services.store.read(tenant, lambda uow: dict(uow.people.presence()))
    staff = [s for s in _staff(viewer.company) if find in f"{s.id} {s.name} {s.phone}"]
    return page(
        request,
        "people.html",
        status=422 if errors else 200,
        kind=kind,
        find=find,
        said=said,
        errors=errors,
        staff=staff,
        present={s.id for s in staff if on_duty(s, viewer.company, presence, now)},
        customers=await queries.customers(tenant, find, _MOST) if kind == "customers" else [],
        assets=await queries.assets(tenant, find, _MOST) if kind == "assets" else [],
        columns=[f"{c.name}（{c.label}）" for c in COLUMNS[KINDS[kind]]] if kind in KINDS else [],
        may_import=_may_import(viewer.has(Right.ROLES), kind),
    )


async def edit(request: web.Request) -> web.Response:
    """One record's form."""
    kind, record = await _record(request)
    return _form(request, kind, record, _cells(record), ())


async def save(request: web.Request) -> web.StreamResponse:
    """Keep one record; what is wrong with it is said beside the form, with what was typed."""
    kind, record = await _record(request)
    form = await read_form(request)
    cells = {name: form.get(name, "").strip() for name in _EDITABLE[kind]}
    for name in ("active", "vip"):
        if name in cells:
            cells[name] = "yes" if name in form else "no"
    errors = await _store(request, kind, _table({"id": record.id, **cells}))
    if errors:
        return _form(request, kind, record, cells, errors)
    return go_back(f"/people/{kind}?saved={record.id}")


async def take_in(request: web.Request) -> web.Response:
    """Import a table: a file or pasted text; all or nothing unless asked otherwise."""
    kind = KINDS.get(request.match_info["kind"])
    if kind is None:
        raise web.HTTPNotFound
    if not _may_import(request[VIEWER].has(Right.ROLES), kind):
        raise NotAllowed(needs=str(Right.ROLES))
    text, partial = await _uploaded(request)
    services, reader = request.app[SERVICES], reader_of(request)
    outcome = await store_rows(
        services.store, services.tenant, import_rows(kind, text), partial=partial
    )
    said = reader.t(
        "people.import.done",
        added=outcome.added,
        changed=outcome.changed,
        unchanged=outcome.unchanged,
    )
    errors = [describe(problem, reader.locale) for problem in outcome.errors]
    return await _list(request, kind, said=said, errors=errors)


def _may_import(trusted: bool, kind: str) -> bool:
    """Staff tables say who is a supervisor, so they are for administrators."""
    return kind in KINDS and (trusted or kind != "staff")


async def _store(request: web.Request, kind: Kind, text: str) -> list[str]:
    services = request.app[SERVICES]
    outcome = await store_rows(services.store, services.tenant, import_rows(kind, text))
    return [describe(problem, request[VIEWER].locale) for problem in outcome.errors]


async def _record(request: web.Request) -> tuple[Kind, Record]:
    services, found = request.app[SERVICES], request.match_info["id"]
    kind = KINDS.get(request.match_info["kind"])
    record: Record | None = None
    if kind == "staff":
        record = request[VIEWER].company.staff.get(found)
    elif kind == "customers":
        record = await services.store.read(services.tenant, lambda uow: uow.people.customer(found))
    elif kind == "assets":
        record = await services.store.read(services.tenant, lambda uow: uow.people.asset(found))
    if kind is None or record is None:
        raise web.HTTPNotFound
    return kind, record


def _form(
    request: web.Request,
    kind: Kind,
    record: Record,
    cells: Mapping[str, str],
    errors: Sequence[str],
) -> web.Response:
    return page(
        request,
        "person.html",
        status=422 if errors else 200,
        kind=kind,
        record=record,
        cells=cells,
        errors=errors,
        shifts=list(request[VIEWER].company.shifts.values()),
        invite=_invite(request, record),
    )


def _invite(request: web.Request, record: Record) -> str:
    """What this person sends to bind a chat account; whoever may not make supervisors may not
    invite one either.
    """
    services, viewer = request.app[SERVICES], request[VIEWER]
    if isinstance(record, Asset) or (isinstance(record, Staff) and not record.active):
        return ""
    engineer = isinstance(record, Customer) or record.role == "engineer"
    if not engineer and not viewer.has(Right.ROLES):
        return ""
    return Invites(services.secret).code(services.tenant, record, datetime.now(UTC))


def _cells(record: Record) -> dict[str, str]:
    """A record as the cells of a table."""
    cells = {"place": record.site.name, "region": record.site.region, "name": record.name}
    match record:
        case Staff():
            skills = ", ".join(f"{fault}:{level}" for fault, level in record.skills.items())
            active = "yes" if record.active else "no"
            cells |= {"phone": record.phone, "skills": skills, "shift": record.shift}
            cells |= {"active": active}
        case Customer():
            cells |= {"phone": record.phone, "vip": "yes" if record.vip else "no"}
        case Asset():
            cells |= {"serial": record.serial, "fault_type": record.fault_type}
            cells |= {"model": record.model, "customer_id": record.customer_id or ""}
    return cells


def _table(cells: Mapping[str, str]) -> str:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(cells)
    table.writerow(cells.values())
    return text.getvalue()


def _staff(company: Company) -> list[Staff]:
    return sorted(company.staff.values(), key=lambda s: (not s.active, s.team, s.role, s.id))


async def _uploaded(request: web.Request) -> tuple[str, bool]:
    """The table of a form, chosen or pasted, and whether wrong rows are to be skipped."""
    fields = await read_fields(request)
    chosen, pasted = fields.get("file"), fields.get("text", "")
    text = pasted if isinstance(pasted, str) else ""
    if isinstance(chosen, web.FileField):
        text = decode_table(chosen.file.read()) or text
    return text, "partial" in fields
