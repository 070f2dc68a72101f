"""DingTalk's Stream: a WebSocket of ours on which frames come and are acknowledged.

Source: https://open.dingtalk.com/document/direction/stream-mode-protocol-access-description. A
frame that is not acknowledged comes again, so one is acknowledged only when it is durably ours.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from bots.channel import ChannelError
from bots.dingtalk.calls import Calls
from bots.gateway.adapter import CallbackError

MESSAGES: Final = "/v1.0/im/bot/messages/get"
CARDS: Final = "/v1.0/card/instances/callback"
TOPICS: Final = {MESSAGES: "CALLBACK", CARDS: "CALLBACK"}
_HEARTBEAT: Final = 30.0
_SHORTEST: Final = 1.0
_LONGEST: Final = 60.0
_LARGEST: Final = 1024 * 1024

Handle = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Takes the topic and data of a callback; what it returns is the answer to it."""

_log = logging.getLogger(__name__)


class Stream:
    """Keeps one connection, for ever."""

    def __init__(self, http: aiohttp.ClientSession, calls: Calls, handle: Handle) -> None:
        self._http = http
        self._calls = calls
        self._handle = handle
        self._working: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Connect and listen until cancelled; after a failure wait longer each time."""
        wait = _SHORTEST
        while True:
            try:
                await self._listen()
                wait = _SHORTEST
            except (ChannelError, aiohttp.ClientError, OSError) as error:
                why = error.why if isinstance(error, ChannelError) else type(error).__name__
                _log.warning("DingTalk's stream is down: %s", why)
                await asyncio.sleep(wait * (0.5 + random.random()))  # noqa: S311 - only spreads
                wait = min(wait * 2, _LONGEST)

    async def _listen(self) -> None:
        endpoint, ticket = await self._calls.open_stream(TOPICS)
        address = f"{endpoint}?ticket={quote(ticket, safe='')}"
        async with self._http.ws_connect(
            address, heartbeat=_HEARTBEAT, max_msg_size=_LARGEST
        ) as socket:
            try:
                async for message in socket:
                    if message.type != aiohttp.WSMsgType.TEXT:
                        _log.warning("DingTalk sent a frame that is none")
                    elif not await self._frame(socket, message.data):
                        break
            finally:
                for task in self._working:
                    task.cancel()
                await asyncio.gather(*self._working, return_exceptions=True)

    async def _frame(self, socket: aiohttp.ClientWebSocketResponse, text: str) -> bool:
        """One frame; False when the other side wants us to connect anew."""
        try:
            frame = json.loads(text)
            kind, headers = frame["type"], frame["headers"]
            topic, number = headers["topic"], headers["messageId"]
            data = frame.get("data")
        except (ValueError, TypeError, KeyError, RecursionError):
            topic = number = None
        if not isinstance(topic, str) or not isinstance(number, str):
            _log.warning("DingTalk sent a frame that is none")
            return True
        data = data if isinstance(data, str) and data else "{}"
        if kind == "SYSTEM":
            if topic == "ping":
                await _acknowledge(socket, number, data)
            return topic != "disconnect"
        task = asyncio.create_task(self._callback(socket, topic, number, data))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return True

    async def _callback(
        self, socket: aiohttp.ClientWebSocketResponse, topic: str, number: str, data: str
    ) -> None:
        try:
            answer = await self._handle(topic, _object(data))
        except CallbackError as error:
            _log.warning("a frame of DingTalk's was refused: %s", error)
            answer = {}
        except Exception:  # noqa: BLE001 - not acknowledged, it comes again
            _log.exception("a frame of DingTalk's failed; it will come again")
            return
        await _acknowledge(socket, number, json.dumps({"response": answer}))


def _object(data: str) -> Mapping[str, Any]:
    """What is in a frame; nothing where it is no object, so that it is refused as malformed."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


async def _acknowledge(socket: aiohttp.ClientWebSocketResponse, number: str, data: str) -> None:
    headers = {"contentType": "application/json", "messageId": number}
    frame = {"code": 200, "headers": headers, "message": "OK", "data": data}
    if not socket.closed:
        await socket.send_str(json.dumps(frame))
