"""Calls to 企业微信's API with one application's secret.

Source: https://developer.work.weixin.qq.com/document/path/91039 (tokens), 90313 (codes), 90254
(attachments).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.message import Message
from typing import Any, Final

from bots.channel import Anomalous, Refused
from bots.gateway.adapter import Fetched, Finding, Switchboard
from bots.gateway.api import Api
from bots.gateway.codes import Authorised, Codes
from bots.gateway.hints import address_in
from bots.gateway.media import LARGEST

ADDRESS: Final = "https://qyapi.weixin.qq.com"
BUSY: Final = {-1: 5, 6000: 5, 45009: 60, 45033: 5}
"""Seconds to wait: the system is busy, data was changed under us, a minute's quota, too many at
once.
"""
_BARRED: Final = frozenset({40013, 40056, 60020, 301002})
"""Corporation, application or IP address are not those of the account."""
CODES: Final = Codes(dead=frozenset({40001, 40014, 42001}), busy=BUSY, barred=_BARRED)
_ASKING: Final = Codes(dead=frozenset(), busy=BUSY, barred=_BARRED | {40001, 40091})
_FETCH_WITHIN: Final = 30.0
_MENDED: Final[Mapping[str, str]] = {
    "40013": "corp_id",
    "40001": "secret",
    "40091": "secret",
    "42001": "secret",
    "60020": "address",
    "40056": "agent",
    "301002": "agent",
    "48002": "permission",
    "60011": "permission",
    "81013": "permission",
    "40058": "asked_wrongly",
    "42014": "asked_wrongly",
    "42045": "asked_wrongly",
}
"""Codes that a person can do something about, by what to look at."""


class Corp:
    """One application's door to its corporation.

    Args:
        channel: For errors.
        board: The switchboard.
        corp_id: The corporation's id.
        secret: The application's.
        address: Of the API.
    """

    def __init__(
        self, channel: str, board: Switchboard, corp_id: str, secret: str, address: str = ADDRESS
    ) -> None:
        self._channel = channel
        self._corp_id = corp_id
        self._secret = secret
        self._api = Api(channel, board.http, address)
        self._asking = Authorised(channel, board.tokens, corp_id, self._fetch_token, _ASKING)
        self._calls = Authorised(channel, board.tokens, corp_id, self._fetch_token, CODES)

    async def post(self, path: str, payload: Mapping[str, Any], **query: str) -> Mapping[str, Any]:
        """The answer of a call that was carried out.

        Raises:
            ChannelError: ``Retry``, ``Refused`` or ``Anomalous``.
        """

        async def call(token: str) -> Mapping[str, Any]:
            asked = {**query, "access_token": token}
            return await self._api.json("POST", path, query=asked, payload=payload)

        return await self._calls.call(call)

    async def get(self, path: str, **query: str) -> Mapping[str, Any]:
        """The same without a body."""

        async def call(token: str) -> Mapping[str, Any]:
            return await self._api.json("GET", path, query={**query, "access_token": token})

        return await self._calls.call(call)

    async def media(self, media_id: str) -> Fetched:
        """The bytes of an attachment, kept there for three days; errors come as JSON with 200.

        Raises:
            ChannelError: as :meth:`post`.
        """

        async def call(token: str) -> Mapping[str, Any]:
            query = {"access_token": token, "media_id": media_id}
            answer = await self._api.call(
                "GET", "/cgi-bin/media/get", query=query, longest=LARGEST, within=_FETCH_WITHIN
            )
            called = answer.headers.get("content-disposition", "")
            if not called and "json" in answer.headers.get("content-type", ""):
                return answer.json(self._channel)
            return {"data": answer.body, "name": _file_name(called)}

        found = await self._calls.call(call)
        if "data" not in found:
            raise Refused(self._channel, "the attachment is gone")
        return Fetched(found["data"], found["name"])

    async def _fetch_token(self) -> tuple[str, timedelta]:
        query = {"corpid": self._corp_id, "corpsecret": self._secret}
        found = await self._api.json("GET", "/cgi-bin/gettoken", query=query)
        self._asking.insist(found)
        token, life = found.get("access_token"), found.get("expires_in")
        if not isinstance(token, str) or not isinstance(life, int):
            raise Anomalous(self._channel, "a token without its life")
        return token, timedelta(seconds=life)


def mending(no: Refused) -> Finding:
    """What to look at, after a refusal."""
    what = _MENDED.get(no.why.split()[0], "refused")
    if what == "address":
        return Finding("fail", "wecom_address", (address_in(no.why) or "?", no.why.split()[0]))
    return Finding("fail", f"wecom_{what}", (no.why,))


def _file_name(disposition: str) -> str:
    """The name in a ``Content-Disposition``."""
    header = Message()
    header["content-disposition"] = disposition
    found = header.get_filename()
    return str(found)[:200] if found else ""
