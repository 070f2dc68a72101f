"""The error codes of Tencent's and their kind's APIs, sorted by what they ask of us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bots.channel import Barred, Refused, Retry
from bots.gateway.tokens import Fetch, Tokens

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Codes:
    """``dead``: the token is; ``busy``: wait so many seconds; ``barred``: the account is; ``field``
    holds the code, and what is neither 0, dead nor busy is for ever.
    """

    dead: frozenset[int]
    busy: Mapping[int, int]
    barred: frozenset[int] = frozenset()
    field: str = "errcode"
    words: str = "errmsg"

    def code(self, found: Answer) -> int:
        """The code of an answer; 0 is well."""
        code = found.get(self.field, 0)
        return code if isinstance(code, int) else -1

    def insist(self, channel: str, found: Answer) -> None:
        """Raise what a code means; nothing for 0.

        Raises:
            Retry: the platform is busy, or the token is still dead.
            Barred: it refuses the whole account.
            Refused: it never will; ``why`` begins with the code.
        """
        code = self.code(found)
        if code == 0:
            return
        why = f"{code} {str(found.get(self.words, ''))[:200]}"
        if code in self.dead or code in self.busy:
            raise Retry(channel, why, after=timedelta(seconds=self.busy.get(code, 30)))
        raise (Barred if code in self.barred else Refused)(channel, why)


class Authorised:
    """Calls that carry an access token, fetched once and renewed once when it is dead."""

    def __init__(self, channel: str, tokens: Tokens, name: str, fetch: Fetch, codes: Codes) -> None:
        self._channel = channel
        self._tokens = tokens
        self._name = name
        self._fetch = fetch
        self._codes = codes

    async def call(self, calling: Callable[[str], Awaitable[Answer]]) -> Answer:
        """The answer of a call that was understood and carried out.

        Raises:
            Retry: the platform is busy.
            Refused: it never will; ``why`` begins with the code.
            ChannelError: whatever the call itself raises.
        """
        token = await self._tokens.get(self._name, self._fetch)
        found = await calling(token)
        if self.code(found) in self._codes.dead:
            token = await self._tokens.renew(self._name, token, self._fetch)
            found = await calling(token)
        self.insist(found)
        return found

    def code(self, found: Answer) -> int:
        """The code of an answer; 0 is well."""
        return self._codes.code(found)

    def insist(self, found: Answer) -> None:
        """Raise what a code means; see :meth:`Codes.insist`."""
        self._codes.insist(self._channel, found)
