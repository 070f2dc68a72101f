"""Everything that can go wrong in the business, as facts without wording.

PaidanError
├── NotAllowed       this person may not do this
├── IllegalMove      the state table has no such move; ``missing`` names the step left out
├── StaleTicket      somebody was first; ``by`` and ``at`` say who and when
├── UnknownTicket    no such work order for this tenant
├── InvalidInput     a fact is missing or malformed; ``field`` says which
├── InvalidPolicy    a policy file cannot be used; ``where`` says file, line and key
├── Conflict         the stored version moved on; run the unit of work again
└── Unavailable      nothing can be kept now; try again
    └── NoRoom       no attachment can be kept now

Console and bots translate ``code`` and ``data`` into the reader's words.
"""

from __future__ import annotations


class PaidanError(Exception):
    """A refusal with a machine-readable code and the facts that explain it."""

    code = "error"

    def __init__(self, code: str | None = None, **data: object) -> None:
        self.code = code or type(self).code
        self.data = data
        facts = ", ".join(f"{name}={value}" for name, value in data.items())
        super().__init__(f"{self.code}({facts})" if facts else self.code)


class NotAllowed(PaidanError):
    """This person may not do this; ``needs`` names the right they lack."""

    code = "not_allowed"


class IllegalMove(PaidanError):
    """The state table has no such move; ``missing`` names the step that was left out."""

    code = "illegal_move"


class StaleTicket(PaidanError):
    """The card is older than the work order; ``by``, ``at`` and ``state`` say what happened."""

    code = "stale_ticket"


class UnknownTicket(PaidanError):
    """No such work order for this tenant."""

    code = "unknown_ticket"


class InvalidInput(PaidanError):
    """A fact is missing or malformed; ``field`` says which, ``found`` what stood there."""

    code = "invalid_input"


class InvalidPolicy(PaidanError):
    """A configuration cannot be used; ``where``, ``found`` and ``allowed`` say how to mend it."""

    code = "invalid_policy"


class Conflict(PaidanError):
    """The stored version moved on while a unit of work ran; run it again."""

    code = "conflict"


class Unavailable(PaidanError):
    """The database cannot be used now; ``why`` says what it answered. Whoever wanted something
    written has to try again.
    """

    code = "unavailable"


class NoRoom(Unavailable):
    """The folder of the attachments takes nothing now: it is full, read-only, or gone."""

    code = "no_room"
