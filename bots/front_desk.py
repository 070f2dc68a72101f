"""The front desk: every message is kept first, understood next, and settled in one unit of work.

:meth:`FrontDesk.admit` is what a channel acknowledges; a redelivery ends there. Whatever happens
afterwards, the message stays until it is settled or parked where a person sees it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from bots import binding, lookup, precheck, vocabulary, web
from bots.decide import decide
from bots.invites import Invites
from bots.knowledge import SOLVED
from bots.readings import facts, reading_of
from bots.refusals import refused
from bots.risk import watched
from bots.situation import (
    NOTHING,
    Decision,
    Situation,
    begun,
    filled,
    numbered,
    spoken,
    words,
)
from workflow.company import Company
from workflow.errors import Conflict, PaidanError, Unavailable
from workflow.joining import Judge
from workflow.kept import Admitted, Case
from workflow.knowledge import Knows, Use
from workflow.ports import Clock, Store, UnitOfWork
from workflow.records import Facts, Guess, Inbound, Notice, Reply, Understanding
from workflow.service import Service
from workflow.vocabulary import Term

ATTEMPTS = 5
"""How often an unexpected failure is tried again before a person has to look."""

ADMIT_WITHIN = 4.0
"""Seconds in which a message is ours or refused. 企业微信 and 公众号 give up on a callback after
five, and call again.
"""

OPEN_OR_JOIN = "open-or-join"
"""While a message is settled that may open a work order, nobody else opens one: strangers name one
place in ways that no narrower key foresees.
"""

_log = logging.getLogger(__name__)


class Understands(Protocol):
    """Understanding a sentence, as ``nlp`` offers it."""

    def understand(
        self,
        text: str,
        *,
        asking: str | None = None,
        at: datetime | None = None,
        asset_fault: str | None = None,
        spoken: bool = False,
        told: tuple[str, ...] = (),
        own: Sequence[Term] = (),
    ) -> Understanding: ...


Word = Callable[[Reply, datetime, str], Notice]
"""An answer as a notice, at this time, in this time zone."""
SignIn = Callable[[str, str], Facts]
"""For this tenant and staff id, the facts of an answer that lets them into the console."""
Fetch = Callable[[Inbound], Awaitable[Inbound]]
"""Brings a message's attachments home: with their bytes kept, or saying why they never came."""
PlanCase = Callable[[Case, Company, datetime, str], Sequence[Notice]]
"""Notices about a case a person has to decide; the last is its work order's number, if any."""


class FrontDesk:
    """Where messages come in.

    Args:
        store: Durable state.
        clock: The tenant's time.
        understander: What a text means; its failure never stops intake.
        service: The business.
        word: Words an answer; the notice's key is given here.
        plan_case: Tells people of a case.
        sign_in: Makes a one-time link; None where there is no console to sign in to.
        knows: Articles and past repairs, searched.
        judge: Whether two reports are one incident; None leaves it to plain rules.
        fetch: Brings attachments home; None where messages come with theirs.
        invites: Knows the invites that bind accounts; None where none are given.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        understander: Understands,
        service: Service,
        word: Word,
        plan_case: PlanCase,
        sign_in: SignIn | None = None,
        knows: Knows | None = None,
        judge: Judge | None = None,
        fetch: Fetch | None = None,
        invites: Invites | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._understander = understander
        self._service = service
        self._word = word
        self._plan_case = plan_case
        self._sign_in = sign_in
        self._knows = knows
        self._judge = judge
        self._fetch = fetch
        self._invites = invites

    async def admit(self, inbound: Inbound) -> Admitted | None:
        """Make a message durably ours, with its line in our own chats; None for a redelivery.

        Raises:
            Unavailable: it could not be kept in time; its sender has to try again.
        """

        def keep(uow: UnitOfWork) -> Admitted | None:
            admitted = uow.inbox.admit(inbound)
            post = web.line(inbound) if inbound.channel in web.OWN_CHANNELS else None
            if admitted is not None and post is not None:
                uow.chat_log.append(post)
            return admitted

        key = _conversation(inbound)
        return await self._store.transact(inbound.tenant, keep, key=key, within=ADMIT_WITHIN)

    async def settle(self, tenant: str, admitted: Admitted) -> str:
        """Do what an admitted message means; returns its outcome as a plain code.

        A refusal is answered and changes nothing else. An unexpected failure leaves the message
        waiting, and after five of them parks it as a case.

        Raises:
            Unavailable: the database is away; the message waits for it.
        """
        try:
            return await self._settled(tenant, admitted)
        except Unavailable:  # not the message's fault: it waits until the database is back
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the message must not be lost
            _log.exception("message %s of %s was not settled", admitted.id, tenant)
            return await self._failed(tenant, admitted, error)

    async def _settled(self, tenant: str, admitted: Admitted) -> str:
        if self._fetch is not None:
            admitted = replace(admitted, inbound=await self._fetch(admitted.inbound))
        inbound, now = admitted.inbound, self._clock.now(tenant)
        heard = await self._listen(tenant, inbound, now)
        await self._recall(tenant)

        def unit(uow: UnitOfWork) -> str:
            return self._unit(uow, admitted, heard, now)

        lock = OPEN_OR_JOIN if inbound.action is None and inbound.addressed else ""
        try:
            return await self._store.transact(tenant, unit, key=admitted.conversation, lock=lock)
        except (Conflict, Unavailable):
            raise
        except PaidanError as error:
            refusal = error

        def answer(uow: UnitOfWork) -> str:
            return self._unit(uow, admitted, heard, now, refusal)

        return await self._store.transact(tenant, answer, key=admitted.conversation)

    async def _listen(self, tenant: str, inbound: Inbound, now: datetime) -> Understanding:
        """Understand the words, knowing what we had asked; a failure leaves it to a person."""
        said = words(inbound)
        if inbound.action is not None or not said.strip():
            return NOTHING
        hints = await self._store.read(tenant, lambda uow: _hints(uow, inbound, now))
        text = f"{hints.begun} {said}".strip()
        try:
            return self._read(text, hints, inbound.sent_at.astimezone(ZoneInfo(hints.tz)))
        except Exception:  # noqa: BLE001  # understanding never blocks intake
            _log.exception("a message of %s was not understood", tenant)
            return replace(NOTHING, text=text, intent=Guess("report", 0.0))

    async def _recall(self, tenant: str) -> None:
        """Know what was written since; not knowing never blocks intake."""
        if self._knows is None:
            return
        try:
            await self._knows.refresh(tenant)
        except Exception:  # noqa: BLE001  # searching is a help, not a condition
            _log.exception("what %s knows could not be read", tenant)

    def _read(self, text: str, hints: _Hints, at: datetime) -> Understanding:
        """Almost any words can be the place we asked for, except those that tell of a fault."""

        def understand(asking: str | None) -> Understanding:
            return self._understander.understand(
                text,
                asking=asking,
                at=at,
                asset_fault=hints.asset_fault,
                spoken=hints.spoken,
                told=hints.told,
                own=hints.own,
            )

        if hints.asking == "place" and precheck.sounds_broken(text):
            heard = understand(None)
            if precheck.tells_fault(heard):
                return heard
        return understand(hints.asking)

    def _unit(
        self,
        uow: UnitOfWork,
        admitted: Admitted,
        heard: Understanding,
        now: datetime,
        refusal: PaidanError | None = None,
    ) -> str:
        row = uow.inbox.get(admitted.id)
        if row is None or row.state != "waiting":
            return row.outcome if row else ""
        s = lookup.situation(uow, admitted.inbound, heard, now, self._knows, self._invites)
        s = replace(s, judge=self._judge)
        decision = refused(s, refusal) if refusal is not None else decide(s)
        decision = self._carry_out(uow, s, watched(s, decision))
        meaning: Facts = facts(heard) if heard is not NOTHING else {}
        if not uow.inbox.done(admitted.id, meaning, decision.outcome, decision.order_id):
            raise Conflict(message=admitted.id)
        reading = reading_of(s, decision)
        if reading is not None:
            uow.readings.keep(reading)
        return decision.outcome

    def _carry_out(self, uow: UnitOfWork, s: Situation, decision: Decision) -> Decision:
        """Everything a decision says, in this unit."""
        vouched = s.inbound.union or s.inbound.own_phone
        if decision.commands or decision.cases or vouched:
            lookup.remember(uow, s)
        handled = [self._service.handle(c, uow, s.now).order for c in decision.commands]
        decision = numbered(filled(decision, handled, s.company), uow.new_id)
        for n, reply in enumerate(decision.replies, 1):
            key = f"reply:{s.inbound.dedupe_key}:{n}"
            notice = self._word(self._let_in(s, reply), s.now, s.company.tz)
            uow.outbox.add(replace(notice, key=key))
        if decision.dialogue is not None:
            uow.dialogues.put(decision.dialogue)
        for case in decision.cases:
            self._put_case(uow, case, s.now)
        _note_article(uow, s, decision)
        if decision.presence is not None:
            uow.people.put_presence(decision.presence)
        if decision.binding is not None:
            binding.keep(uow, decision.binding)
        if decision.retry is not None:
            uow.outbox.retry(decision.retry)
        if decision.unlearn:
            uow.readings.undo(decision.unlearn)
        for lesson in decision.lessons:
            order_id = lesson.order_id or decision.order_id
            uow.readings.correct(replace(lesson, id=uow.new_id(), order_id=order_id))
        return decision

    def _let_in(self, s: Situation, reply: Reply) -> Reply:
        if reply.code != "sign_in_link":
            return reply
        if self._sign_in is None:
            return replace(reply, code="help", data={})
        return replace(reply, data=self._sign_in(s.inbound.tenant, s.by.id))

    def _put_case(self, uow: UnitOfWork, case: Case, now: datetime) -> None:
        kept = case if case.id else replace(case, id=uow.new_id())
        uow.cases.put(kept)
        number = uow.orders.get(kept.order_id).number if kept.order_id else ""
        for notice in self._plan_case(kept, uow.company, now, number):
            uow.outbox.add(notice)

    async def _failed(self, tenant: str, admitted: Admitted, error: Exception) -> str:
        """Count the failure; too many, and a person gets the message as it came."""
        now = self._clock.now(tenant)
        why = f"{type(error).__name__}: {error}"[:500]

        def note(uow: UnitOfWork) -> str:
            row = uow.inbox.get(admitted.id)
            if row is None or row.state != "waiting":
                return row.outcome if row else ""
            park = row.attempts + 1 >= ATTEMPTS
            uow.inbox.failed(admitted.id, why, park)
            if park:
                self._put_case(uow, _parked(admitted, why, now), now)
            return "parked" if park else "failed"

        return await self._store.transact(tenant, note, key=admitted.conversation)


def _note_article(uow: UnitOfWork, s: Situation, decision: Decision) -> None:
    """Count the article that answered a question, and what its asker says of it."""
    if decision.offered is not None and decision.cases:
        article, subject = decision.offered, f"case:{decision.cases[0].id}"
        uow.articles.offered(Use(subject, article.id, article.version, s.now))
    solved = [case.id for case in decision.cases if case.decision == SOLVED]
    for case_id in solved:
        uow.articles.answered(f"case:{case_id}", "solved", s.now, deflected=True)
    if decision.unhelped:
        uow.articles.answered(f"case:{decision.unhelped}", "unsolved", s.now, deflected=False)


@dataclass(frozen=True, slots=True)
class _Hints:
    """What helps to understand: what we had asked for, words already said, the asset's type,
    whether the words were said in a voice message, names that may have been misheard, the
    house's own words, and the zone whose clock the writer means by 今天.
    """

    asking: str | None
    begun: str
    asset_fault: str | None
    spoken: bool
    told: tuple[str, ...]
    own: tuple[Term, ...]
    tz: str


def _hints(uow: UnitOfWork, inbound: Inbound, now: datetime) -> _Hints:
    dialogue = uow.dialogues.get(inbound.channel, inbound.chat, inbound.sender)
    asset = lookup.scanned(uow, inbound)
    asking = dialogue.asking if dialogue else None
    fault = asset.fault_type or None if asset else None
    names = vocabulary.told(uow, inbound)
    company = uow.company
    return _Hints(
        asking, begun(dialogue, now), fault, spoken(inbound), names, company.vocabulary, company.tz
    )


def _parked(admitted: Admitted, why: str, now: datetime) -> Case:
    inbound = admitted.inbound
    return Case(
        id="",
        kind="parked",
        at=now,
        place=inbound.place,
        sender=inbound.sender,
        sender_name=inbound.sender_name,
        text=words(inbound),
        inbound={
            "message": inbound.dedupe_key,
            "sent_at": inbound.sent_at.isoformat(),
            "media": [asdict(media) for media in inbound.media],
            "error": why,
        },
    )


def _conversation(inbound: Inbound) -> str:
    return f"{inbound.channel}/{inbound.chat}"
