"""What a device says: an alarm, which opens a work order or adds one to the count of an open one.

A monitoring system sends JSON, :func:`parse` makes it an :class:`Alarm`, :func:`inbound` a message
like any other; :func:`hear` decides what becomes of it. Nobody reads where it came from, so
nothing is answered there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from bots import cases
from bots.situation import OPENED, Decision, Situation
from workflow import commands as c
from workflow.company import Asset
from workflow.errors import InvalidInput
from workflow.events import Actor
from workflow.kept import Case
from workflow.records import ALARM, Action, Inbound
from workflow.states import State

PRIORITY_OF = {"critical": "P0", "major": "P1", "minor": "P2"}
LATEST = timedelta(hours=1)
"""How far back the device's own time counts; beyond that its clock is taken to be wrong."""

_LENGTHS = {"id": 100, "asset": 100, "serial": 100, "code": 60, "text": 1_000}
_FIELDS = (*_LENGTHS, "severity", "at")


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as it was sent; either ``asset`` (our id) or ``serial`` names the device."""

    id: str
    code: str
    severity: str
    asset: str = ""
    serial: str = ""
    text: str = ""
    at: datetime | None = None

    @property
    def words(self) -> str:
        """Code and text, as a person reads them."""
        return f"{self.code} {self.text}".strip()


def parse(payload: object) -> Alarm:
    """An alarm from JSON.

    Fields: ``id`` (unique for this device), ``asset`` or ``serial``, ``code``, ``severity``
    (``critical``, ``major``, ``minor``), and, if wanted, ``text`` and ``at`` (ISO 8601 with zone).

    Raises:
        InvalidInput: ``field`` names what is wrong.
    """
    if not isinstance(payload, Mapping):
        raise InvalidInput(field="body", found=type(payload).__name__, allowed="object")
    for name in payload:
        if name not in _FIELDS:
            raise InvalidInput(field=str(name)[:40], found="", allowed=", ".join(_FIELDS))
    words = {name: _string(payload, name, most) for name, most in _LENGTHS.items()}
    for name in ("id", "code"):
        if not words[name]:
            raise InvalidInput(field=name, found="", allowed="some words")
    if bool(words["asset"]) == bool(words["serial"]):
        raise InvalidInput(field="asset", found=words["asset"], allowed="either asset or serial")
    severity = _string(payload, "severity", _LENGTHS["code"])
    if severity not in PRIORITY_OF:
        raise InvalidInput(field="severity", found=severity, allowed=", ".join(PRIORITY_OF))
    return Alarm(**words, severity=severity, at=_instant(payload))


def _string(payload: Mapping[str, object], name: str, most: int) -> str:
    found = payload.get(name, "")
    if not isinstance(found, str):
        raise InvalidInput(field=name, found=type(found).__name__, allowed="string")
    text = found.encode(errors="replace").decode().replace("\x00", "").strip()
    if len(text) > most:
        raise InvalidInput(field=name, found=len(text), allowed=f"at most {most} characters")
    return text


def _instant(payload: Mapping[str, object]) -> datetime | None:
    text = _string(payload, "at", 40)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidInput(field="at", found=text, allowed="ISO 8601 with a time zone")
    return at


def inbound(alarm: Alarm, asset: Asset | None, *, tenant: str, now: datetime) -> Inbound:
    """The alarm as a message of the device; one we do not know speaks by the name it gave."""
    device = asset.id if asset else alarm.asset or alarm.serial
    serial = alarm.serial or (asset.serial if asset else "")
    at = alarm.at if alarm.at is not None and now - LATEST <= alarm.at <= now else now
    args = {"code": alarm.code, "severity": alarm.severity, "text": alarm.text, "serial": serial}
    return Inbound(
        tenant=tenant,
        channel=ALARM,
        chat=device,
        chat_kind="direct",
        sender=device,
        sender_name=asset.name if asset else device,
        dedupe_key=f"{ALARM}:{device}:{alarm.id}",
        sent_at=at,
        text=alarm.words,
        action=Action("alarm", "", args=args),
        asset=device,
    )


def raised(message: Inbound) -> Alarm:
    """The alarm back from its message."""
    args = message.action.args if message.action is not None else {}
    code, severity, text, serial = (
        str(args.get(name) or "") for name in ("code", "severity", "text", "serial")
    )
    return Alarm(message.dedupe_key, code, severity, message.chat, serial, text)


def about(case: Case, alarm: Alarm) -> bool:
    """Whether a case is about this very alarm."""
    details = case.inbound.get("details")
    return isinstance(details, Mapping) and _same(str(details.get("error_code")), alarm.code)


def hear(s: Situation) -> Decision:
    """The same code of the same device on open work is counted; anything else opens a work order,
    also what comes back after the work was done. An alarm of a device we do not know waits for a
    person.
    """
    alarm = raised(s.inbound)
    same = [order for order in s.candidates if _same(order.error_code, alarm.code)]
    done = next((o for o in same if o.state == State.AWAITING_ACCEPTANCE), None)
    order = next((o for o in same if o.state != State.AWAITING_ACCEPTANCE), None)
    if order is not None:
        priority = PRIORITY_OF.get(alarm.severity, "")
        command = c.RepeatAlarm(
            _device(s), s.origin, order.id, code=alarm.code, text=alarm.text, priority=priority
        )
        return Decision("alarm_repeated", (command,), order_id=order.id)
    details = _details(s, alarm)
    if s.asset is None and s.case is not None:
        return Decision("alarm_repeated: case waits", order_id=s.case.order_id)
    if s.asset is None:
        return Decision("case: unknown device", cases=(cases.opened(s, "triage", details),))
    link: tuple[Literal["recurrence"], str] | None = ("recurrence", done.id) if done else None
    report = c.Report(_device(s), s.origin, details, link=link)
    return Decision("opened", (report,), order_id=OPENED)


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _device(s: Situation) -> Actor:
    return Actor(s.inbound.sender, "system", s.inbound.sender_name)


def _details(s: Situation, alarm: Alarm) -> c.Details:
    known = c.Details(
        text=alarm.words,
        priority=PRIORITY_OF.get(alarm.severity, "P1"),
        symptom=alarm.text,
        serial=alarm.serial,
        error_code=alarm.code,
    )
    asset, owner = s.asset, s.owner
    if asset is None:
        return known
    return replace(
        known,
        fault_type=asset.fault_type or "other",
        device=asset.name,
        serial=asset.serial or alarm.serial,
        place=asset.site.name,
        region=asset.site.region,
        asset_id=asset.id,
        customer_id=owner.id if owner else "",
        contact=owner.name if owner else "",
        phone=owner.phone if owner else "",
    )
