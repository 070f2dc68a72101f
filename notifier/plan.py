"""Who is told what about one change, where, how urgently and when: pure, run inside the unit.

Two kinds of notice come out. **News** is a sentence with the number, where it stands, what comes
next and by when: at most one a person and change. **Cards** live: every chat that shows the work
order gets the card repainted when it looks different now, silently. Delivery sends news and a
fresh card as one message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bots.degrade import neutralise
from bots.sms.provider import CHANNEL as SMS
from bots.sms.provider import normalised
from notifier.audience import (
    Reader,
    Seat,
    by_phone,
    colleague,
    handles,
    readers,
    seats,
    staff_of,
    staff_places,
    team_groups,
    with_phone,
)
from notifier.cards import looks, paint, summary, topic
from notifier.news import News, addressed, for_customer, for_staff
from notifier.picture import Picture, engineer, question
from notifier.timing import next_slot, quiet_until
from notifier.wording import Words
from workflow.company import Staff
from workflow.ports import Change
from workflow.records import Card, ChatRef, Facts, Notice, Role, Urgency
from workflow.work_order import Reporter

HOLDABLE = frozenset({Urgency.ESCALATION, Urgency.REMINDER, Urgency.INFO})
"""What may wait for the morning or for a digest; somebody waits for the rest right now."""
CHIEFS = frozenset({"supervisor", "admin"})
_AMONG_SUPERVISORS = frozenset({"supervisor.triage_reminder", "supervisor.low_rating"})
"""Not for the team's ears."""


def plan(change: Change) -> Sequence[Notice]:
    """The notices of one change, news first; the same change always gives the same keys."""
    desk = _Desk(change)
    said = [*desk.to_customers(), *desk.to_staff()]
    return [*map(desk.timed, said), *desk.cards()]


@dataclass(frozen=True, slots=True)
class _Line:
    """News on its way to one chat, before lines to the same chat become one message."""

    news: News
    place: ChatRef
    role: Role
    text: str
    person: str | None = None
    people: tuple[Staff, ...] = ()
    fallbacks: tuple[ChatRef, ...] = ()
    supervising: bool = False
    reporters: tuple[str, ...] = ()
    """The reporters it is for, by the ids they write under, where others read along."""


class _Desk:
    """Plans one change."""

    def __init__(self, change: Change) -> None:
        self.change = change
        self.order = change.order
        self.company = change.company
        self.picture = _picture(change)

    # --- customers ----------------------------------------------------------------------------

    def to_customers(self) -> Iterator[Notice]:
        """The reporters, each once, in their own language."""
        news = for_customer(self.change)
        if news is None:
            return
        told = addressed(news, self.change)
        for reader in self._readers(news, told):
            here = [r.sender for r in told if r.place == reader.place]
            yield self._notice(
                _Line(
                    news,
                    reader.place,
                    "customer",
                    self._to_customer(news, reader),
                    reader.person,
                    fallbacks=reader.fallbacks,
                    reporters=tuple(dict.fromkeys(here)) if reader.place.kind == "group" else (),
                )
            )

    def _readers(self, news: News, told: Sequence[Reporter]) -> Iterator[Reader]:
        """The people who reported; by phone, where the rules say so and no chat is theirs."""
        found = readers(self.change, told)
        phone = by_phone(self.change)
        if phone is None:
            yield from found
            return
        ours = staff_places(self.company)
        outside = [r for r in self.order.reporters if r.place not in ours]
        alone = len(readers(self.change, outside)) == 1
        for reader in found:
            yield reader if reader.place in ours else with_phone(reader, phone, alone=alone)
        told_all = news.scope == "all" or self.change.before is None
        if told_all and not outside:
            yield phone

    def _to_customer(self, news: News, reader: Reader) -> str:
        words = self._words_for(reader)
        facts = {
            **self.picture.facts("customer", words),
            "engineer": engineer(self.picture, words),
            "question": question(self.picture, words),
            **_harmless(news.facts),
        }
        if "because" in facts:
            facts["why"] = words.maybe(f"joined_because.{facts['because']}")
        return words.say(f"news.{news.code}", **facts)

    def _words_for(self, reader: Reader) -> Words:
        customer = self.change.customer
        own = customer is not None and customer.id == reader.person
        return self.picture.words(customer.locale if customer and own else "")

    # --- the house ----------------------------------------------------------------------------

    def to_staff(self) -> Iterator[Notice]:
        """Colleagues: each person once, each chat once."""
        told: set[str] = set()
        lines: dict[ChatRef, list[_Line]] = {}
        for news in sorted(for_staff(self.change), key=_first_told):
            for line in self._lines(news, told):
                lines.setdefault(line.place, []).append(line)
        for same_chat in lines.values():
            yield self._notice(_joined(same_chat))

    def _lines(self, news: News, told: set[str]) -> Iterator[_Line]:
        people = tuple(s for s in staff_of(self.company, news.people) if s.id not in told)
        told.update(staff.id for staff in people)
        if news.code.startswith("supervisor."):
            yield from self._escalation(news, people)
        elif news.code == "handler.claim":
            yield from self._claim(news, people)
        else:
            for staff in people:
                yield from self._personal(news, staff)

    def _personal(self, news: News, staff: Staff) -> Iterator[_Line]:
        """One colleague: @-mentioned in the team's group, or directly where that cannot be."""
        direct = colleague(staff)
        quietly = news.urgency == Urgency.INFO or news.code == "handler.moved_away"
        group = None if quietly and direct else self._group_of(staff)
        if group is not None:
            spare = (direct.place, *direct.fallbacks) if direct else ()
            text = self._to_staff(news, (staff,))
            yield _Line(news, group, "engineer", text, staff.id, (staff,), spare)
        elif direct is not None:
            text = self._to_staff(news, ())
            role = direct.role
            yield _Line(news, direct.place, role, text, staff.id, fallbacks=direct.fallbacks)

    def _group_of(self, staff: Staff) -> ChatRef | None:
        groups = [*team_groups(self.order, self.company)]
        reached = [group for group in groups if group.channel in staff.handles]
        return next(iter(reached), None) or (groups[0] if groups and not staff.contacts else None)

    def _claim(self, news: News, people: tuple[Staff, ...]) -> Iterator[_Line]:
        groups = team_groups(self.order, self.company)
        for group in groups:
            yield _Line(news, group, "engineer", self._to_staff(news, ()), None, people)
        if not groups:
            for staff in people:
                yield from self._personal(news, staff)

    def _escalation(self, news: News, people: tuple[Staff, ...]) -> Iterator[_Line]:
        """Supervisors: in their group and the team's, and each directly."""
        groups = dict.fromkeys(self.company.supervisor_groups)
        if news.code not in _AMONG_SUPERVISORS:
            groups |= dict.fromkeys(team_groups(self.order, self.company))
        for group in groups:
            text = self._to_staff(news, people)
            yield _Line(news, group, "supervisor", text, None, people, supervising=True)
        for staff in people:
            direct = colleague(staff)
            mentioned = groups and staff.id == self.order.assignee
            if direct is not None and not mentioned:
                text = self._to_staff(news, ())
                spare = direct.fallbacks
                yield _Line(
                    news, direct.place, direct.role, text, staff.id, (), spare, supervising=True
                )
        if self._texted(news):
            yield from self._by_phone(news, people)

    def _texted(self, news: News) -> bool:
        """Whether the rung behind the news also goes to phones."""
        rung = news.event.data.get("rung")
        return any(one.sms for one in self.change.policy.ladder if one.id == rung)

    def _by_phone(self, news: News, people: tuple[Staff, ...]) -> Iterator[_Line]:
        """Supervisors, beside what their chats say: nobody has looked there for long."""
        for staff in people:
            number = normalised(staff.phone)
            if number and staff.role in CHIEFS and ChatRef(SMS, number) not in staff.contacts[:1]:
                text = self._to_staff(news, ())
                yield _Line(news, ChatRef(SMS, number), "supervisor", text, staff.id)

    def _to_staff(self, news: News, mentioned: tuple[Staff, ...]) -> str:
        words = self.picture.words()
        audience = "supervisor" if news.code.startswith("supervisor.") else "handler"
        names = [words.say("news.mention", name=staff.name) for staff in mentioned]
        facts: dict[str, object] = {
            **self.picture.facts(audience, words),
            "who": " ".join(names),
            **_harmless(news.facts),
        }
        if "cause" in facts:
            facts["cause"] = words.label("supervised", facts["cause"])
        if "clock" in facts:
            facts["clock"] = words.label("clock", facts["clock"])
        if "excluded" in facts:
            facts["why"] = _away(facts["excluded"], words)
        if facts.get("pictures"):
            facts["media"] = words.say("card.media", pictures=facts["pictures"], others="")
        text = words.say(f"news.{news.code}", **facts)
        late = facts.get("late_s")
        if isinstance(late, int | float) and late > 0:
            return words.say("news.late", text=text, late=timedelta(seconds=late))
        return text

    # --- cards --------------------------------------------------------------------------------

    def cards(self) -> Iterator[Notice]:
        """A card for each chat that shows the work order and would show it differently now."""
        before = self.change.before
        shown = seats(before, self.company) if before else ()
        current = seats(self.order, self.company)
        changed = before is None or looks(before) != looks(self.order)
        yield from (self._card(seat) for seat in current if changed or seat not in shown)
        places = {seat.place for seat in current}
        left = (seat for seat in shown if seat.place not in places)
        yield from (self._card(replace(seat, optional=True)) for seat in left)

    def _card(self, seat: Seat) -> Notice:
        name = topic(self.order.id, seat.audience)
        kind = "repaint" if seat.optional else "card"
        return Notice(
            key=self._key(f"{kind}:{seat.audience}", seat.place),
            kind=kind,
            to=seat.place,
            urgency=Urgency.CARD,
            text=summary(self.picture, seat),
            why=str(self.change.events[-1].kind),
            order_id=self.order.id,
            event_seq=self.order.seq,
            person=seat.person,
            role=seat.role,
            card=paint(self.picture, seat),
            topic=name,
        )

    # --- the notice itself --------------------------------------------------------------------

    def _notice(self, line: _Line) -> Notice:
        news = line.news
        fixing = line.supervising and line.person is not None
        return Notice(
            key=self._key(news.code, line.place),
            kind=news.kind,
            to=line.place,
            urgency=news.urgency,
            text=line.text,
            why=news.why,
            order_id=self.order.id,
            event_seq=news.event.seq,
            person=line.person,
            role=line.role,
            mentions=line.reporters or handles(line.people, line.place.channel),
            card=self._to_do(line) if fixing else None,
            fallbacks=line.fallbacks,
        )

    def _to_do(self, line: _Line) -> Card:
        """The supervisor's card with the news on it, for one supervisor's own chat."""
        card = paint(self.picture, Seat(line.place, "supervisor", "supervisor", line.person))
        body = self.picture.words().say("card.to_do", news=line.text, body=card.body)
        return replace(card, body=body)

    def _key(self, kind: str, place: ChatRef) -> str:
        return f"{self.order.id}:{self.order.seq}:{kind}:{place.channel}/{place.chat}"

    # --- when ---------------------------------------------------------------------------------

    def timed(self, notice: Notice) -> Notice:
        """The notice with quiet hours and the person's budget applied."""
        if notice.urgency not in HOLDABLE or self._loud(notice):
            return notice
        rules, tz, now = self.change.policy.notices, self.company.tz, self.change.now
        until = quiet_until(now, rules.quiet, tz)
        if until is not None:
            notice = self._held(notice, until)
        person = notice.person
        if person is None or self.change.interruptions(person) < rules.per_person_per_hour:
            return notice
        slot = next_slot(now, tz)
        return self._digest(notice, person, max(slot, until) if until else slot)

    def _held(self, notice: Notice, until: datetime) -> Notice:
        """The notice for the morning; of several reminders of a night only the last is said."""
        repeats = notice.urgency in {Urgency.ESCALATION, Urgency.REMINDER}
        topic = f"held:{self.order.id}:{notice.role}" if repeats else None
        return replace(notice, not_before=until, topic=topic)

    def _loud(self, notice: Notice) -> bool:
        """Emergencies and loud rungs wake colleagues; mere information never does."""
        if notice.role == "customer" or notice.urgency == Urgency.INFO:
            return False
        steps = (e for e in self.change.events if e.seq == notice.event_seq)
        return self.order.priority == "P0" or any(e.data.get("loud") for e in steps)

    def _digest(self, notice: Notice, person: str, at: datetime) -> Notice:
        """Too much for one person already: no @, and together with what else comes."""
        staff = self.company.staff.get(person)
        direct = colleague(staff) if staff else None
        place = direct.place if direct else notice.to
        words = self.picture.words()
        return replace(
            notice,
            key=self._key("digest", place),
            kind="digest",
            to=place,
            urgency=Urgency.INFO,
            text=words.say("news.digest", latest=notice.text),
            mentions=(),
            card=None,
            topic=f"digest:{person}",
            not_before=at,
            fallbacks=direct.fallbacks if direct else notice.fallbacks,
        )


def _picture(change: Change) -> Picture:
    return Picture(
        change.order, change.company, change.policy, change.now, change.customer, change.asset
    )


def _joined(lines: Sequence[_Line]) -> _Line:
    """Several pieces of news for one chat as one message, as urgent as the most urgent."""
    first = min(lines, key=lambda line: line.news.urgency)
    people = {staff.id: staff for line in lines for staff in line.people}
    persons = {line.person for line in lines}
    return replace(
        first,
        text="\n".join(dict.fromkeys(line.text for line in lines)),
        person=first.person if len(persons) == 1 else None,
        people=tuple(people.values()),
    )


def _first_told(news: News) -> tuple[bool, Urgency]:
    """Whoever has to do it before whoever has to know; the most urgent first."""
    return news.code.startswith("supervisor."), news.urgency


def _harmless(facts: Facts) -> dict[str, object]:
    """People's words so that repeating them mentions and links nobody."""
    return {k: neutralise(v) if isinstance(v, str) else v for k, v in facts.items()}


def _away(excluded: object, words: Words) -> str:
    """Why nobody can go: how many people each filter left out."""
    counts = excluded if isinstance(excluded, Mapping) else {}
    told = (words.maybe(f"away.{reason}", n=n) for reason, n in sorted(counts.items()))
    return words.say("list.items", items=[text for text in told if text])
