"""Messages, people and work orders of the demo company, to try the front desk's decisions on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bots.situation import NOTHING, Decision, Situation
from paidan.demo import demo_company
from workflow.company import Identity
from workflow.records import (
    Action,
    ChatRef,
    Dialogue,
    Entity,
    FaultPart,
    Guess,
    Inbound,
    Media,
    Understanding,
)
from workflow.states import State, Sub
from workflow.work_order import Reporter, WorkOrder

DEMO = demo_company()
COMPANY = DEMO.company
NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
CUSTOMERS = {customer.id: customer for customer in DEMO.customers}
ASSETS = {asset.id: asset for asset in DEMO.assets}
PICTURE = Media(kind="image", blob="a" * 64, mime="image/jpeg", size=9)


def heard(
    text: str,
    intent: str = "report",
    fault: str = "hvac",
    priority: str = "P1",
    *,
    emotion: int = 2,
    abstained: tuple[str, ...] = (),
    parts: tuple[tuple[str, str], ...] = (),
    **entities: str,
) -> Understanding:
    """What a well-trained ear would make of a text; entities are given as ``kind=words``."""
    found = []
    for kind, words in entities.items():
        start = text.index(words)
        found.append(Entity(kind, words, start, start + len(words), 0.9))  # type: ignore[arg-type]
    return Understanding(
        text=text,
        intent=Guess(intent, 0.9),
        fault_type=Guess(fault, 0.9),
        priority=Guess(priority, 0.9),
        emotion=Guess(str(emotion), 0.9),
        entities=tuple(found),
        abstained=frozenset(abstained),
        parts=tuple(FaultPart(*part) for part in parts),
    )


def order(number: int = 7, customer: str = "c01", **facts: Any) -> WorkOrder:
    """A work order reported by a sandbox customer in their own chat ten minutes ago."""
    place = ChatRef("sandbox", f"customer:{customer}")
    opened = NOW - timedelta(minutes=10)
    reporter = Reporter(
        place, customer, CUSTOMERS[customer].name, customer, f"m{number}", at=opened
    )
    known: dict[str, Any] = {
        "id": f"order-{number:04d}",
        "tenant": COMPANY.tenant,
        "number": f"WO-20261120-{number:04d}",
        "version": 1,
        "state": State.DISPATCHED,
        "sub": Sub.OFFERED,
        "text": "空调不制冷",
        "fault_type": "hvac",
        "place": CUSTOMERS[customer].site.name,
        "phone": CUSTOMERS[customer].phone,
        "customer_id": customer,
        "team_id": "home",
        "assignee": "wanglei",
        "generation": 1,
        "reporters": (reporter,),
        "opened_at": opened,
    }
    return WorkOrder(**{**known, **facts})


def working(number: int = 7, sub: Sub = Sub.ACCEPTED, **facts: Any) -> WorkOrder:
    """One that 王磊 has accepted."""
    return order(number, state=State.IN_PROGRESS, sub=sub, **facts)


def done(number: int = 7, **facts: Any) -> WorkOrder:
    """One that waits for the customer's signature."""
    return order(number, state=State.AWAITING_ACCEPTANCE, sub=Sub.AWAITING_SIGNATURE, **facts)


def closed(number: int = 7, **facts: Any) -> WorkOrder:
    """One that was completed and signed an hour ago."""
    at = NOW - timedelta(hours=1)
    more = {"outcome": "completed", "closed_at": at, **facts}
    return order(number, state=State.CLOSED, sub=Sub.NONE, **more)


def inbound(text: str = "", sender: str = "c01", chat: str = "", **facts: Any) -> Inbound:
    """A message to us; ``chat`` starting with ``group:`` is a group."""
    chat = chat or (f"staff:{sender}" if sender in COMPANY.staff else f"customer:{sender}")
    known: dict[str, Any] = {
        "tenant": COMPANY.tenant,
        "channel": "sandbox",
        "chat": chat,
        "chat_kind": "group" if chat.startswith("group:") else "direct",
        "sender": sender,
        "dedupe_key": f"sandbox:{chat}:{text}",
        "sent_at": NOW,
        "text": text,
    }
    return Inbound(**{**known, **facts})


def customer(
    text: str = "", who: str = "c01", understanding: Understanding | None = None, **facts: Any
) -> Situation:
    """A customer of the demo company writes to us."""
    message = facts.pop("message", None) or inbound(text, who)
    person = CUSTOMERS[who]
    return Situation(
        inbound=message,
        company=COMPANY,
        policy=COMPANY.policy,
        now=NOW,
        understanding=understanding or (heard(text) if text else NOTHING),
        identity=Identity("sandbox", who, "customer", who, person.name),
        customer=person,
        **facts,
    )


def staff(text: str = "", who: str = "wanglei", chat: str = "", **facts: Any) -> Situation:
    """A colleague writes, alone with us or in a group."""
    message = facts.pop("message", None) or inbound(text, who, chat)
    person = COMPANY.staff[who]
    return Situation(
        inbound=message,
        company=COMPANY,
        policy=COMPANY.policy,
        now=NOW,
        identity=Identity("sandbox", who, person.role, who, person.name),
        staff=person,
        **facts,
    )


def pressed(do: str, on: WorkOrder | str, who: str, **facts: Any) -> Inbound:
    """A button of a card painted for the work order as it is."""
    seen = (
        {"expect": str(on.state), "generation": on.generation} if isinstance(on, WorkOrder) else {}
    )
    ref = on.id if isinstance(on, WorkOrder) else on
    args = facts.pop("args", {})
    action = Action(do, ref, args=args, **{**seen, **facts})
    return replace(inbound("", who), action=action, dedupe_key=f"press:{do}:{ref}:{who}")


def codes(decision: Decision) -> list[str]:
    return [reply.code for reply in decision.replies]


def only(decision: Decision) -> Any:
    (command,) = decision.commands
    return command


def asked(what: str, about: WorkOrder | None = None, **context: object) -> Dialogue:
    order_id = about.id if about else None
    chat = "customer:c01"
    return Dialogue(COMPANY.tenant, "sandbox", chat, "c01", what, order_id, context, NOW)
