"""Buttons as links, for chats without buttons: a page that says what would happen, and does it.

Opening a page does nothing: chats open links by themselves, to preview them. A link in a
one-to-one chat stands for its only reader. In a group everybody has the same link, so its presser
is whoever has signed in to the console in this browser.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from bots.gateway.presses import Asked, Presses
from paidan.console.chats import pressed
from paidan.console.guard import read_form
from paidan.console.press import conclude, settled
from paidan.console.render import page, reader_of
from paidan.console.viewer import SERVICES, VIEWER
from paidan.signing import unsign
from workflow.errors import NotAllowed
from workflow.ports import UnitOfWork
from workflow.records import Action, Button, ChatRef, Inbound
from workflow.work_order import WorkOrder

_KEY_BYTES = 48
"""Strings are only read here, whatever their length."""


@dataclass(frozen=True, slots=True)
class _Link:
    """An opened link: where its card stands, the button, and whose press it would be there.

    ``sender`` is empty for somebody in a group of whom we do not know who they are.
    """

    place: ChatRef
    button: Button
    nonce: str
    sender: str


async def show(request: web.Request) -> web.Response:
    """What would happen, and a button that does it; or how to say who one is."""
    link = await _opened(request)
    order = await _order(request, link.button.action.order)
    known = bool(link.sender) or request[VIEWER].staff is not None
    return page(request, "press.html", link=link, order=order, known=known)


async def do(request: web.Request) -> web.StreamResponse:
    """Press it, once a person: as in the chat, where the answer goes too."""
    link = await _opened(request)
    form = await read_form(request)
    action = link.button.action
    args = {**action.args, **_args(form)}
    if link.sender:
        return page(request, "said.html", sentence=await _press(request, link, args))
    staff = request[VIEWER].me
    wanted: dict[str, object] = {
        "do": action.do,
        "order": action.order,
        "expect": action.expect,
        "generation": action.generation,
        "args": args,
    }
    sentence = await conclude(request, staff, f"press:{link.nonce}:{staff.id}", wanted)
    return page(request, "said.html", sentence=sentence)


async def _press(request: web.Request, link: _Link, args: dict[str, object]) -> str:
    services, reader = request.app[SERVICES], reader_of(request)
    action, place = link.button.action, link.place
    inbound = Inbound(
        tenant=services.tenant,
        channel=place.channel,
        chat=place.chat,
        chat_kind=place.kind,
        sender=link.sender,
        dedupe_key=f"{place.channel}:link:{link.nonce}:{link.sender}",
        sent_at=services.real_now(),
        action=Action(action.do, action.order, action.expect, action.generation, args),
    )
    admitted = await services.receive(inbound)
    if admitted is None:
        return reader.t("act.repeated")
    message = await settled(request, admitted)
    if message is None:
        return reader.t("act.waiting")
    if message.outcome == action.do:
        return reader.t("act.done", what=link.button.label)
    return reader.t("press.in_chat")


def _args(form: object) -> dict[str, object]:
    found = pressed(form)["args"]  # type: ignore[arg-type]
    return found if isinstance(found, dict) else {}


async def _opened(request: web.Request) -> _Link:
    """The link of this page.

    Raises:
        NotAllowed: it is none of ours, too old, or its button is gone.
    """
    services = request.app[SERVICES]
    facts = unsign(services.secret, "press", request.match_info["token"], services.real_now())
    if facts.get("tenant") != services.tenant:
        raise NotAllowed("bad_token")
    (channel, chat, kind), (label, key) = _strings(facts["place"]), _strings(facts["button"])
    notes = services.store.notes(services.tenant, channel)
    found = await Presses(notes, _KEY_BYTES).read(key)
    if found is None:
        raise NotAllowed("expired_token")
    button = Button(label, found, "primary") if isinstance(found, Action) else _asking(found)
    where = ChatRef(channel, chat, "direct" if kind == "direct" else "group")
    return _Link(where, button, str(facts.get("nonce")), await _sender(request, where))


async def _sender(request: web.Request, place: ChatRef) -> str:
    """Whose press it is on the channel of the card; empty where nobody can tell."""
    if place.kind == "direct":
        return place.chat
    staff = request[VIEWER].staff
    return staff.handles.get(place.channel, "") if staff else ""


async def _order(request: web.Request, ref: str) -> WorkOrder | None:
    services = request.app[SERVICES]

    def read(uow: UnitOfWork) -> WorkOrder | None:
        return uow.orders.find(ref)

    return await services.store.read(services.tenant, read)


def _asking(asked: Asked) -> Button:
    return Button(asked.label, asked.action, "primary", ask=asked.ask, choices=asked.choices)


def _strings(found: object) -> list[str]:
    return [str(one) for one in found] if isinstance(found, list) else []
