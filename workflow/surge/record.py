"""What a surge's events change on parent and children; folded by :mod:`workflow.fold`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from workflow.events import Event, Kind
from workflow.states import Sub
from workflow.work_order import Child, Surge, WorkOrder

_Change = dict[str, Any]


def _data(event: Event) -> _Change:
    return cast("_Change", event.data)


def _detected(_order: WorkOrder, event: Event) -> _Change:
    data = _data(event)
    names = ("key", "rule", "count", "usual", "window", "probability", "script")
    return {"surge": Surge(**{name: data[name] for name in names})}


def _child_added(order: WorkOrder, event: Event) -> _Change:
    data = _data(event)
    facts = {name: data[name] for name in ("number", "place", "product", "channel", "told")}
    child = Child(id=data["order"], at=datetime.fromisoformat(data["at"]), **facts)
    return {"children": (*order.children, child)}


def _child_closed(order: WorkOrder, event: Event) -> _Change:
    data = _data(event)
    return _each(order, [data["order"]], outcome=data["outcome"])


def _child_detached(order: WorkOrder, event: Event) -> _Change:
    gone = _data(event)["order"]
    return {"children": tuple(child for child in order.children if child.id != gone)}


def _reached(order: WorkOrder, event: Event) -> _Change:
    data = _data(event)
    return _each(order, data["orders"], **{data["what"]: True})


def _each(order: WorkOrder, ids: list[str], **change: Any) -> _Change:
    known = frozenset(ids)
    return {"children": tuple(replace(c, **change) if c.id in known else c for c in order.children)}


def _approved(order: WorkOrder, event: Event) -> _Change:
    """A new text reaches everybody, those who had another one too."""
    data = _data(event)
    surge = order.surge and replace(
        order.surge,
        script=data["text"],
        approved_by=data["by"],
        approved_name=data["name"],
        approved_at=event.at,
    )
    return {"surge": surge, **_each(order, [c.id for c in order.children], told=False)}


def _dismissed(order: WorkOrder, _event: Event) -> _Change:
    return {"surge": order.surge and replace(order.surge, dismissed=True)}


def resolution(order: WorkOrder, event: Event) -> _Change:
    """What was done, kept for the children; nothing on any other work order."""
    if order.surge is None:
        return {}
    return {"surge": replace(order.surge, resolution=str(event.data.get("text") or ""))}


def _gathered(order: WorkOrder, event: Event) -> _Change:
    data = _data(event)
    waits = event.sub == Sub.WITH_PARENT
    idle: _Change = {"assignee": "", "candidates": ()} if waits else {}
    return {
        "parent": data["parent"],
        "parent_number": data["parent_number"],
        "script": data["script"],
        "links": (*order.links, ("parent", data["parent"])),
        **idle,
    }


def _script_sent(_order: WorkOrder, event: Event) -> _Change:
    return {"script": _data(event)["text"]}


def _left(order: WorkOrder, event: Event) -> _Change:
    parent = _data(event)["parent"]
    links = (("detached", o) if (r, o) == ("parent", parent) else (r, o) for r, o in order.links)
    return {"parent": "", "parent_number": "", "links": tuple(links)}


CHANGES: Mapping[Kind, Callable[[WorkOrder, Event], _Change]] = {
    Kind.SURGE_DETECTED: _detected,
    Kind.CHILD_ADDED: _child_added,
    Kind.CHILD_CLOSED: _child_closed,
    Kind.CHILD_DETACHED: _child_detached,
    Kind.CHILDREN_REACHED: _reached,
    Kind.SCRIPT_APPROVED: _approved,
    Kind.SURGE_DISMISSED: _dismissed,
    Kind.GATHERED: _gathered,
    Kind.SCRIPT_SENT: _script_sent,
    Kind.DETACHED: _left,
}
