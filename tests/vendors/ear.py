"""Understanding for tests of what is around it: a handful of words, at once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workflow.records import Entity, Guess, Understanding


class Ear:
    """Hears a fault in words of faults, a place in a building's number, and nothing else; whether
    two reports are one is left to the plain rules.
    """

    same_incident = None

    _TYPES: Mapping[str, str] = {
        "空调": "hvac",
        "水管": "plumbing",
        "垃圾": "environment",
        "电梯": "elevator",
    }

    def understand(self, text: str, **_hints: object) -> Understanding:
        fault = next((fault for word, fault in self._TYPES.items() if word in text), "none")
        intent = "report" if fault != "none" else "chitchat"
        place = re.search(r"(锦绣苑)?\d栋(\d单元)?\d*", text)
        phone = re.search(r"1\d{10}", text)
        found = [Entity("location", place[0], place.start(), place.end(), 0.9)] if place else []
        if phone:
            found.append(Entity("phone", phone[0], phone.start(), phone.end(), 0.9, phone[0]))
        return Understanding(
            text,
            Guess(intent, 0.9),
            Guess(fault, 0.9),
            Guess("P1", 0.9),
            Guess("2", 0.9),
            tuple(found),
        )
