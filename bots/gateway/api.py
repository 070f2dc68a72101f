"""Calls to a platform's HTTP API: bounded in time and size, with failures in our own words.

No address, header or body of a call is ever part of an error: they hold secrets.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from yarl import URL

from bots.channel import Anomalous, Retry

ANSWER_WITHIN: Final = 8.0
"""Seconds a call may take in all."""
LONGEST_ANSWER: Final = 4 * 1024 * 1024
_SHORTEST_WAIT: Final = timedelta(seconds=1)
_LONGEST_WAIT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: the status, headers in lower case, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, channel: str) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            Anomalous: it is none; a proxy's error page, for example.
        """
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Anomalous(channel, f"HTTP {self.status} without a JSON object")
        return found


class Api:
    """One platform's API at one address."""

    def __init__(self, channel: str, http: aiohttp.ClientSession, address: str) -> None:
        self._channel = channel
        self._http = http
        self._address = URL(address)

    def at(self, path: str, query: Mapping[str, str] | None = None) -> URL:
        """The address of a path."""
        address = self._address.joinpath(path.lstrip("/")) if path else self._address
        return address.update_query(query or {})

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        payload: object = None,
        headers: Mapping[str, str] | None = None,
        form: aiohttp.FormData | None = None,
        within: float = ANSWER_WITHIN,
        longest: int = LONGEST_ANSWER,
    ) -> Response:
        """Make one call and read the whole answer, whatever its status below 500 but 429.

        Raises:
            Retry: nothing was sent (no connection), or the platform asked us to wait (429).
            Anomalous: no answer in time, a broken one, or 5xx: it may have been carried out.
        """
        address = self.at(path, query)
        try:
            async with (
                asyncio.timeout(within),
                self._http.request(
                    method,
                    address,
                    json=payload,
                    data=form,
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                body = await bounded(self._channel, response, longest)
                names = {name.lower(): value for name, value in response.headers.items()}
                status = response.status
        except aiohttp.ClientConnectorError as error:
            raise Retry(self._channel, f"no connection: {error.os_error.strerror}") from None
        except TimeoutError:
            raise Anomalous(self._channel, "no answer in time") from None
        except aiohttp.ClientError as error:
            raise Anomalous(self._channel, type(error).__name__) from None
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Retry(self._channel, "HTTP 429", after=waiting(names.get("retry-after", "")))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Anomalous(self._channel, f"HTTP {status}")
        return Response(status, names, body)

    async def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        payload: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make one call and read a JSON object, whatever its status; see :meth:`call`."""
        answer = await self.call(method, path, query=query, payload=payload, headers=headers)
        return answer.json(self._channel)


async def bounded(channel: str, response: aiohttp.ClientResponse, longest: int) -> bytes:
    """The body, which may be this many bytes after decompression.

    Raises:
        Anomalous: it is longer.
    """
    data = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        data += chunk
        if len(data) > longest:
            raise Anomalous(channel, f"an answer of more than {longest} bytes")
    return bytes(data)


def waiting(said: str) -> timedelta:
    """How long ``Retry-After: <seconds>`` asks us to wait: 1 s to 1 h, 5 s if it says nothing."""
    seconds = timedelta(seconds=int(said)) if said.isdecimal() else timedelta(seconds=5)
    return min(max(seconds, _SHORTEST_WAIT), _LONGEST_WAIT)
