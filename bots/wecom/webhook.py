"""The group webhook (群机器人): speaks into one group, calls people there, hears nothing.

Source: https://developer.work.weixin.qq.com/document/path/91770.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bots.channel import Barred, Capabilities, ChannelError, Refused
from bots.gateway.adapter import Answer, Callback, Fetched, Finding, Malformed, Switchboard
from bots.gateway.api import Api
from bots.gateway.codes import Codes
from bots.wecom.corp import ADDRESS, BUSY
from bots.wecom.quota import Quota
from bots.wecom.words import callable_by, plain_pages
from workflow.records import Media, Outgoing, Receipt

CHANNEL: Final = "wecom_webhook"
PER_MINUTE: Final = 20
CAPABILITIES: Final = Capabilities(
    groups=True, mentions=True, max_text_bytes=2048, per_minute=PER_MINUTE
)
"""Words and calls, 20 a minute for each robot; buttons become text commands, which only help where
another channel hears the group.
"""
CODES: Final = Codes(dead=frozenset(), busy=BUSY)
GONE: Final = frozenset({"93000", "93004", "93008"})
"""No such webhook, or it was taken out of its group; it is switched off; it is not in the group
(document/path/90313). One webhook's trouble is no other's.
"""
EMPTY: Final = "44004"
"""A living webhook's answer to a text without words."""
_MOBILE: Final = 11


class Webhook:
    """The robots of several groups.

    Args:
        board: What every adapter is given.
        groups: Keys of robots, by the names that chats carry.
        address: Of the API.
    """

    name = CHANNEL

    def __init__(
        self, board: Switchboard, groups: Mapping[str, str], address: str = ADDRESS
    ) -> None:
        self._board = board
        self._groups = groups
        self._api = Api(CHANNEL, board.http, address)
        self._quota = Quota(CHANNEL, board.notes, board.now, PER_MINUTE, per_hour=0)

    @property
    def capabilities(self) -> Capabilities:
        """Words with calls, into groups."""
        return CAPABILITIES

    async def receive(self, callback: Callback) -> Answer:
        """Nobody calls a webhook of ours.

        Raises:
            Malformed: somebody did.
        """
        raise Malformed(f"the group webhook only speaks; a {callback.method} came in")

    async def run(self) -> None:
        """There is nothing to hear."""

    async def close(self) -> None:
        """There is nothing open."""

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Say it in the group of this name; people are called in the first message."""
        key = self._groups.get(outgoing.to.chat)
        if key is None or outgoing.to.kind != "group":
            raise Refused(CHANNEL, "no webhook of this name; see channels.wecom_webhook.groups")
        mentions = outgoing.mentions
        for page in plain_pages(outgoing.text):
            await self._quota.take(outgoing.to.chat)
            text = {"content": page, **_calls(mentions)}
            try:
                await self._post(key, text)
            except Refused as no:
                if no.why.split()[0] not in GONE:
                    raise
                raise Barred(CHANNEL, no.why, chat=outgoing.to.chat) from None
            mentions = ()
        return Receipt(outgoing.key, self._board.now())

    async def _post(self, key: str, text: Mapping[str, Any]) -> None:
        found = await self._api.json(
            "POST",
            "/cgi-bin/webhook/send",
            query={"key": key},
            payload={"msgtype": "text", "text": text},
        )
        CODES.insist(CHANNEL, found)

    async def fetch(self, media: Media) -> Fetched:
        """Nothing ever comes in.

        Raises:
            Refused: always.
        """
        raise Refused(CHANNEL, f"no {media.kind} comes through a webhook")

    async def check(self) -> Sequence[Finding]:
        """Each key is tried with a text without words, which shows nothing in its group."""
        found = [Finding("ok", "wecom_webhook_groups", ("、".join(self._groups),))]
        for name, key in self._groups.items():
            try:
                await self._post(key, {"content": ""})
            except Refused as no:
                code = no.why.split()[0]
                if code in GONE:
                    found.append(Finding("fail", f"wecom_webhook_{code}", (name, no.why)))
                elif code != EMPTY:
                    found.append(Finding("warn", "wecom_webhook_unsure", (name, no.why)))
            except ChannelError as why:
                found.append(Finding("warn", "wecom_webhook_unsure", (name, why.why)))
        return found


def _calls(mentions: Sequence[str]) -> dict[str, Any]:
    """People by their id, or by their phone number where that is what we know; never all."""
    known = [who for who in mentions if callable_by(who)]
    phones = [who for who in known if who.isascii() and who.isdecimal() and len(who) == _MOBILE]
    ids = [who for who in known if who not in phones]
    found: dict[str, Any] = {}
    if ids:
        found["mentioned_list"] = ids
    if phones:
        found["mentioned_mobile_list"] = phones
    return found
