"""The 智能机器人's own connection: one WebSocket, frames with a request id, an answer for each.

Source: https://developer.work.weixin.qq.com/document/path/101463; the frames are those of
Tencent's own npm package @wecom/aibot-node-sdk.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import aiohttp

from bots.channel import Anomalous, Retry
from bots.gateway.codes import Codes
from bots.wecom.bot_reading import KICKED
from workflow.errors import Unavailable

ADDRESS: Final = "wss://openws.work.weixin.qq.com"
PING_EVERY: Final = 30.0
ANSWER_WITHIN: Final = 6.0
_OPEN_WITHIN: Final = 10.0
_LARGEST: Final = 4 * 1024 * 1024
_WAITING: Final = 1000
_AGAIN: Final = 0.5
"""Seconds before what could not be kept is tried again."""
_CALLBACKS: Final = frozenset({"aibot_msg_callback", "aibot_event_callback"})

Frame = Mapping[str, Any]

_log = logging.getLogger(__name__)


class Kicked(Exception):
    """Another connection of the same bot was opened; this one is over."""


class Line:
    """One connection at a time.

    Args:
        channel: For errors.
        http: The client session.
        address: Where the gateway is.
        account: The bot's id and secret.
        hear: Gets every callback, one after another.
        codes: What the codes of answers mean.
    """

    def __init__(
        self,
        channel: str,
        http: aiohttp.ClientSession,
        address: str,
        account: tuple[str, str],
        hear: Callable[[Frame], Awaitable[None]],
        codes: Codes,
    ) -> None:
        self._channel = channel
        self._http = http
        self._address = address
        self._account = account
        self._hear = hear
        self._codes = codes
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._answers: dict[str, asyncio.Future[Frame]] = {}
        self._heard: asyncio.Queue[Frame] = asyncio.Queue(_WAITING)
        self._taken: Frame | None = None
        self.opened = asyncio.Event()

    @property
    def up(self) -> bool:
        """Whether it is open and we are known there."""
        return self.opened.is_set()

    async def keep(self) -> None:
        """Open it, say who we are, and hear until it is closed; :meth:`work` takes what is heard.

        Raises:
            Kicked: somebody else opened one; opening ours again would kick them.
            Refused: the bot's id or secret is wrong.
            ChannelError: it could not be opened.
        """
        try:
            async with asyncio.timeout(_OPEN_WITHIN):
                socket = await self._http.ws_connect(self._address, max_msg_size=_LARGEST)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Retry(self._channel, f"no connection: {type(error).__name__}") from None
        self._socket = socket
        tasks = [asyncio.create_task(self._read(socket))]
        try:
            await self._introduce()
            self.opened.set()
            tasks.append(asyncio.create_task(self._ping()))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self.opened.clear()
            self._socket = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._give_up()
            with suppress(Exception):
                await socket.close()

    async def ask(self, command: str, body: Mapping[str, Any], request: str = "") -> Frame:
        """Send one frame and wait for its answer. ``request`` is the callback's that it answers.

        Raises:
            Retry: there is no connection, or the platform is busy.
            Refused: it will never do that.
            Anomalous: no answer came.
        """
        if not self.up:
            raise Retry(self._channel, "the connection is not open")
        return await self._asked(command, body, request)

    async def _introduce(self) -> None:
        bot, secret = self._account
        await self._asked("aibot_subscribe", {"bot_id": bot, "secret": secret})

    async def _asked(self, command: str, body: Mapping[str, Any], request: str = "") -> Frame:
        number = request or f"{command}_{secrets.token_hex(8)}"
        if self._socket is None or number in self._answers:
            raise Retry(self._channel, "the connection is not open")
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        frame: dict[str, Any] = {"cmd": command, "headers": {"req_id": number}}
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._socket.send_json({**frame, "body": body} if body else frame)
                found = await answer
        except TimeoutError:
            raise Anomalous(self._channel, "no answer in time") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Anomalous(self._channel, type(error).__name__) from None
        finally:
            self._answers.pop(number, None)
        self._codes.insist(self._channel, found)
        return found

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            frame = _frame(message)
            if frame is None:
                _log.warning("a frame of %s that is none", self._channel)
                continue
            command = frame.get("cmd")
            if isinstance(command, str) and command in _CALLBACKS:
                if _kicks(frame):
                    raise Kicked
                await self._heard.put(frame)
                continue
            answer = self._answers.get(request_of(frame))
            if answer is not None and not answer.done():
                answer.set_result(frame)

    async def work(self) -> None:
        """Take what was heard, for ever. No callback comes a second time, so neither a broken
        connection nor being cancelled loses one; one that cannot be kept now waits, and those
        behind it.
        """
        while True:
            if self._taken is None:
                self._taken = await self._heard.get()
            try:
                await self._hear(self._taken)
            except Unavailable as trouble:
                _log.warning("a callback of %s waits: %s", self._channel, trouble)
                await asyncio.sleep(_AGAIN)
                continue
            except Exception:  # noqa: BLE001 - one broken callback must not silence the rest
                _log.exception("a callback of %s was not taken", self._channel)
            self._taken = None

    async def _ping(self) -> None:
        """Twice without an answer, and the connection is dead."""
        missed = 0
        while missed < 2:  # noqa: PLR2004 - twice
            await asyncio.sleep(PING_EVERY)
            try:
                await self._asked("ping", {})
                missed = 0
            except Anomalous:
                missed += 1

    def _give_up(self) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Anomalous(self._channel, "the connection broke"))


def request_of(frame: Frame) -> str:
    """The number of the request that a frame belongs to."""
    headers = frame.get("headers")
    found = headers.get("req_id") if isinstance(headers, dict) else None
    return found if isinstance(found, str) else ""


def _kicks(frame: Frame) -> bool:
    """Whether it says that another connection was opened; whatever else it is, it is not read."""
    body = frame.get("body")
    event = body.get("event") if isinstance(body, dict) else None
    return isinstance(event, dict) and event.get("eventtype") == KICKED


def _frame(message: aiohttp.WSMessage) -> Frame | None:
    if message.type is not aiohttp.WSMsgType.TEXT:
        return None
    try:
        found = json.loads(message.data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
