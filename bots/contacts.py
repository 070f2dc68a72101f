"""通讯录: who there is, who works now, and how fast they usually answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bots.acts import without_title
from bots.situation import Decision, Situation
from workflow.company import Company, Staff
from workflow.dispatch.duty import on_duty
from workflow.records import Facts
from workflow.taxonomy import FAULT_TYPES

MOST = 20
"""Lines of one answer; a longer list wants a narrower word."""


def look_up(s: Situation, words: str) -> Decision:
    """The colleagues that ``words`` fit (a name, a team, a kind of fault), or all of them.

    Whole phone numbers are told to one pair of eyes only, never to a group.
    """
    found = [who for who in _active(s.company) if _fits(words, who, s.company)]
    found.sort(key=lambda who: not _on(s, who))
    rows = [_row(s, who) for who in found[:MOST]]
    more = max(len(found) - MOST, 0)
    reply = s.reply("contacts", people=rows, count=len(found), more=more or None, text=words[:40])
    return Decision("answered: contacts", replies=(reply,))


def _active(company: Company) -> Iterator[Staff]:
    return (who for _, who in sorted(company.staff.items()) if who.active)


def _fits(words: str, who: Staff, company: Company) -> bool:
    if not words:
        return True
    team = company.teams.get(who.team)
    skills = " ".join(" ".join((key, *FAULT_TYPES.get(key, ()))) for key in who.skills)
    said = f"{who.id} {who.name} {team.name if team else ''} {skills}".lower()
    surname = without_title(words)
    return words.lower() in said or bool(surname and who.name.startswith(surname))


def _on(s: Situation, who: Staff) -> bool:
    return on_duty(who, s.company, s.presence, s.now)


def _row(s: Situation, who: Staff) -> Facts:
    team, taken = s.company.teams.get(who.team), s.answers_in.get(who.id)
    return {
        "name": who.name,
        "team": team.name if team else "",
        "role": who.role,
        "on": _on(s, who),
        "phone": who.phone,
        "minutes": None if taken is None else round(taken / timedelta(minutes=1), 1),
    }
