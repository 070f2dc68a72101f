"""Everything the front desk needs to know about one message, read in one unit of work."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bots import alarms, binding, finding, oneself, precheck
from bots import text_commands as commands
from bots.invites import Invites, invited
from bots.situation import Situation, distinct, is_staff_group, tail
from workflow.company import Asset, Company, Customer, Identity, Staff
from workflow.errors import UnknownTicket
from workflow.kept import Case, Match
from workflow.knowledge import Knows
from workflow.learning import Reading
from workflow.ports import UnitOfWork
from workflow.records import ALARM, Inbound, Understanding
from workflow.work_order import WorkOrder

CONSOLE = "console"
"""The channel whose senders have signed in: their user id is their person id."""

BY_NUMBER = frozenset({"sms"})
"""Channels whose senders are phone numbers, as their carrier gave them."""

RECURS_WITHIN = timedelta(days=30)
FOUND_WITHIN = timedelta(days=7)
ANSWERED_SINCE = timedelta(days=30)
_ALARMED = 50


def situation(
    uow: UnitOfWork,
    inbound: Inbound,
    understanding: Understanding,
    now: datetime,
    knows: Knows | None = None,
    invites: Invites | None = None,
) -> Situation:
    """What is known around a message; ``knows`` is what can be found besides, ``invites`` knows
    who may say whose their account is.

    A sender nobody knows becomes a customer-to-be (not stored yet), except among colleagues.
    """
    company = uow.company
    identity, staff = _who(uow, inbound, company)
    s = Situation(
        inbound=inbound,
        company=company,
        policy=company.policy,
        now=now,
        understanding=understanding,
        dialogue=uow.dialogues.get(inbound.channel, inbound.chat, inbound.sender),
        identity=identity,
        staff=staff,
        knows=knows,
        reading=_reading(uow, inbound),
    )
    s = replace(
        s, invited=invited(uow, s.said, invites, now) or oneself.colleague(company, inbound)
    )
    s = replace(s, case=_case(uow, s))
    if inbound.channel == ALARM:
        return _alarmed(uow, s)
    if staff is None and not _among_colleagues(inbound, company):
        s = _as_customer(uow, s)
    s = replace(s, own_code=_own_code(s, invites))
    s = replace(
        s,
        asset=_asset(uow, inbound, understanding),
        mine=_mine(uow, s),
        shown=tuple(uow.orders.shown_in(inbound.place)) if staff else (),
        own_jobs=tuple(uow.orders.open_for_staff(staff.id)) if staff else (),
    )
    spoken = _spoken(s)
    s = replace(s, owner=_owner(uow, s), named=_named(uow, s, spoken), found=_found(uow, s))
    if s.staff is not None and spoken is not None and spoken.do in commands.OF_A_CASE:
        opened = uow.readings.of_order(s.named.id) if s.named else None
        s = replace(s, waiting_cases=tuple(uow.cases.open()), reading=opened)
    if s.staff is not None and spoken is not None and spoken.do == "contacts":
        answers_in = uow.orders.answers_in(s.now - ANSWERED_SINCE)
        s = replace(s, presence=uow.people.presence(), answers_in=answers_in)
    return replace(s, candidates=_candidates(uow, s))


def _spoken(s: Situation) -> commands.Spoken | None:
    """The command in words that the message is, if it is one."""
    if s.inbound.action is not None:
        return None
    words = commands.STAFF_WORDS if s.staff else commands.CUSTOMER_WORDS
    return commands.parse(s.said, words, addressed=s.inbound.addressed)


def _alarmed(uow: UnitOfWork, s: Situation) -> Situation:
    """What is known around a device's alarm: the device, its owner, its open work orders; of a
    device we do not know, what was opened for its serial, or the case that waits for a person.
    """
    asset, alarm = scanned(uow, s.inbound), alarms.raised(s.inbound)
    if asset is not None:
        orders = uow.orders.of_asset(asset.id, _ALARMED)
    else:
        orders = uow.orders.matching(Match("other", serial=alarm.serial))
    waiting = (case for case in uow.cases.open() if case.place == s.inbound.place)
    s = replace(
        s,
        asset=asset,
        candidates=tuple(order for order in orders if order.open),
        case=next((case for case in waiting if alarms.about(case, alarm)), None),
    )
    return replace(s, owner=_owner(uow, s))


def _who(
    uow: UnitOfWork, inbound: Inbound, company: Company
) -> tuple[Identity | None, Staff | None]:
    identity = uow.people.identity(inbound.channel, inbound.sender)
    if identity is None and inbound.channel == CONSOLE and inbound.sender in company.staff:
        known = company.staff[inbound.sender]
        identity = Identity(CONSOLE, known.id, known.role, known.id, known.name)
    if identity is None or identity.role == "customer":
        return identity, None
    staff = company.staff.get(identity.person_id)
    theirs = inbound.channel == CONSOLE or (
        staff is not None and staff.handles.get(inbound.channel) == inbound.sender
    )
    if staff is None or not staff.active or not theirs:
        return None, None
    return identity, staff


def _among_colleagues(inbound: Inbound, company: Company) -> bool:
    return inbound.chat_kind == "group" and is_staff_group(inbound.place, company)


def _as_customer(uow: UnitOfWork, s: Situation) -> Situation:
    """The sender as a customer, new or known, with a phone number just told if it is nobody's."""
    inbound, people = s.inbound, uow.people
    known = oneself.customer(people, s.identity.person_id) if s.identity is not None else None
    same = oneself.vouched(people, inbound)
    linked = same is not None and (known is None or known.id != same.id)
    if same is not None and linked:
        known = same.with_all_of(known) if known is not None else same
    number = inbound.sender if inbound.channel in BY_NUMBER and inbound.sender.isdecimal() else ""
    customer = (
        known
        or people.customer_by_phone(number)
        or Customer(id=uow.new_id(), name=inbound.sender_name, locale=s.company.locale)
    )
    vouched = number or inbound.own_phone
    if vouched and (not customer.phone or customer.phone_told):
        customer = replace(customer, phone=vouched, phone_told=False)
    told = precheck.phone(s)
    if told and not customer.phone and people.customer_by_phone(told) is None:
        customer = replace(customer, phone=told, phone_told=True)
    if inbound.chat_kind == "direct":
        customer = customer.seen_in(inbound.place)
    identity = s.identity
    if identity is None or known is None or identity.person_id != customer.id:
        name, user = customer.name, inbound.sender
        identity = Identity(inbound.channel, user, "customer", customer.id, name)
    identity = replace(identity, was=customer.was)
    return replace(s, customer=customer, identity=identity, linked=linked)


def _own_code(s: Situation, invites: Invites | None) -> str:
    """An invite for the sender themselves, when they ask how to bind another account."""
    person = s.staff or s.customer
    if invites is None or person is None or not binding.asks(s):
        return ""
    return invites.code(s.inbound.tenant, person, s.now)


def remember(uow: UnitOfWork, s: Situation) -> None:
    """Store the sender as a customer, if that is news."""
    if s.customer is None or s.identity is None:
        return
    oneself.keep(uow, s.customer, s.inbound.union)
    identity = replace(s.identity, was=())
    if uow.people.identity(identity.channel, identity.user) != identity:
        uow.people.put_identity(identity)


def scanned(uow: UnitOfWork, inbound: Inbound) -> Asset | None:
    """The asset whose page the message was written on."""
    if not inbound.asset:
        return None
    return uow.people.asset(inbound.asset) or uow.people.asset_by_token(inbound.asset)


def _asset(uow: UnitOfWork, inbound: Inbound, heard: Understanding) -> Asset | None:
    named = (uow.people.asset_by_serial(text) for text in heard.values("serial"))
    return scanned(uow, inbound) or next((asset for asset in named if asset is not None), None)


def _owner(uow: UnitOfWork, s: Situation) -> Customer | None:
    if s.asset is not None and s.asset.customer_id:
        return uow.people.customer(s.asset.customer_id)
    known = s.customer is not None and bool(s.customer.phone)
    told = "" if known else precheck.phone(s)
    return uow.people.customer_by_phone(told) if told else None


def _case(uow: UnitOfWork, s: Situation) -> Case | None:
    """The case of a button, or the one our last answer was about."""
    action, dialogue = s.inbound.action, s.asked("article")
    if action is not None:
        return uow.cases.get(action.order) if action.do.startswith("case_") else None
    return uow.cases.get(str(dialogue.context.get("case"))) if dialogue is not None else None


def _reading(uow: UnitOfWork, inbound: Inbound) -> Reading | None:
    action = inbound.action
    corrects = action is not None and action.do.startswith("reading_")
    return uow.readings.get(action.order) if action and corrects else None


def _mine(uow: UnitOfWork, s: Situation) -> tuple[WorkOrder, ...]:
    """The sender's work orders: open ones first, of those in a thread what the thread is about."""
    if s.customer is None:
        return ()
    here = uow.orders.of_chat(s.inbound.place, s.inbound.sender)
    ours = (s.customer.id, *s.customer.was)
    theirs = (order for one in ours for order in uow.orders.open_of_customer(one))
    orders = distinct((*here, *theirs))
    newest = sorted(orders, key=lambda o: o.id, reverse=True)
    about = {o.id for o in here} if s.inbound.place.threaded else set()
    return tuple(sorted(newest, key=lambda o: (not o.open, o.id not in about)))


def _named(uow: UnitOfWork, s: Situation, spoken: commands.Spoken | None) -> WorkOrder | None:
    """The work order a button carries or its case is about, or a number in the text: among those
    in sight first.
    """
    action = s.inbound.action
    if action is not None and action.do.startswith("case_"):
        return _by_id(uow, s.case.order_id) if s.case is not None and s.case.order_id else None
    if action is not None and action.do.startswith("reading_"):
        return _by_id(uow, s.reading.order_id) if s.reading and s.reading.order_id else None
    if action is not None:
        return _by_id(uow, action.order)
    ref = spoken.ref if spoken else commands.reference(s.said) or commands.mentioned(s.said)
    if not ref:
        return None
    if ref.isdigit():
        for order in (*s.shown, *s.own_jobs, *s.mine):
            if tail(order) == int(ref):
                return order
    return uow.orders.find(ref)


def _found(uow: UnitOfWork, s: Situation) -> tuple[WorkOrder, ...]:
    """What was reported with the number of somebody who asks how it goes."""
    asks = s.understanding.intent.label == "progress" or s.asked("find", "found")
    phone = finding.phone(s) if asks and s.staff is None else ""
    if not phone:
        return ()
    match = Match("other", phone=phone, since=s.now - FOUND_WITHIN)
    return tuple(uow.orders.matching(match))


def _by_id(uow: UnitOfWork, order_id: str) -> WorkOrder | None:
    try:
        return uow.orders.get(order_id)
    except UnknownTicket:
        return None


def _candidates(uow: UnitOfWork, s: Situation) -> tuple[WorkOrder, ...]:
    """What a report might belong to."""
    reporting = s.customer is not None and s.inbound.action is None and s.inbound.addressed
    if not reporting or not s.text.strip():
        return ()
    found = precheck.details(s)
    said = s.understanding.first("location")
    match = Match(
        fault_type=found.fault_type,
        customer_id=found.customer_id,
        asset_id=found.asset_id,
        serial=found.serial,
        place=found.place,
        phone=found.phone,
        since=s.now - RECURS_WITHIN,
        recent=s.now - s.policy.intake.join_window,
        words=found.text,
    )
    near = Match(found.fault_type, place=said.text) if said else None
    return distinct((*uow.orders.matching(match), *(uow.orders.matching(near) if near else ())))
