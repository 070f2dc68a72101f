"""Telegram's adapter: a webhook with a secret, or long polling; nothing is answered before kept.

Source: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from hmac import compare_digest
from http import HTTPStatus
from typing import Final, TypeVar

from aiohttp import FormData
from telegram import (
    Bot,
    CallbackQuery,
    KeyboardButton,
    Message,
    ReplyKeyboardMarkup,
    Update,
    User,
)
from telegram.error import (
    ChatMigrated,
    Forbidden,
    InvalidToken,
    TelegramError,
)
from telegram.request import HTTPXRequest
from yarl import URL

from bots.channel import Anomalous, Capabilities, ChannelError, Refused, Retry
from bots.degrade import visible
from bots.gateway.adapter import (
    Answer,
    Callback,
    Fetched,
    Finding,
    Forged,
    Malformed,
    Switchboard,
    reading,
)
from bots.gateway.api import ANSWER_WITHIN, Api
from bots.gateway.media import download
from bots.gateway.presses import Asked, Presses
from bots.gateway.sayings import say
from bots.telegram import writing
from bots.telegram.calls import answered
from bots.telegram.reading import CAPABILITIES, CHANNEL, insist, said
from bots.telegram.stage import Stage
from workflow.records import ChatKind, Inbound, Media, Outgoing, Receipt

ADDRESS: Final = "https://api.telegram.org"
PORTS: Final = frozenset({443, 80, 88, 8443})
"""Where Telegram calls; see setWebhook."""
_SECRET_HEADER: Final = "x-telegram-bot-api-secret-token"  # noqa: S105 - its name
_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")
BIND: Final = "/bind"
"""What somebody writes to us alone to be known by their own number."""
_KEY_BYTES: Final = 64
_POLL_SECONDS: Final = 25
_POLLED: Final = 50
_PAUSE: Final = 5.0
_NAMES_KEPT: Final = timedelta(days=90)
_ALERT: Final = 200
_OFFSET: Final = "offset"
_BENIGN: Final = ("message is not modified", "query is too old", "query id is invalid")

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses, and ours hold the token


class Telegram:
    """One bot.

    Args:
        board: What every adapter is given.
        token: From @BotFather.
        secret: Guards the webhook; empty: long polling.
        hook: The address of our door, where there is a webhook.
        address: Of the Bot API, for a server of one's own.
    """

    name = CHANNEL

    def __init__(
        self,
        board: Switchboard,
        token: str,
        secret: str = "",
        hook: str = "",
        address: str = ADDRESS,
    ) -> None:
        self._board = board
        self._secret = secret
        self._hook = hook
        self._address = address
        self._updates = Api(CHANNEL, board.http, f"{address}/bot{token}")
        calls, unused = HTTPXRequest(connection_pool_size=32), HTTPXRequest()
        self._connections = (calls, unused)
        self._bot = Bot(
            token,
            base_url=f"{address}/bot",
            base_file_url=f"{address}/file/bot",
            request=calls,
            get_updates_request=unused,
        )
        self._presses = Presses(board.notes, _KEY_BYTES)
        self._stage = Stage(board, self._bot, self._presses)
        self._me: User | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Everything."""
        return CAPABILITIES

    # --- coming in ----------------------------------------------------------------------------

    async def receive(self, callback: Callback) -> Answer:
        """One update by webhook.

        Raises:
            Forged: without our secret.
            Malformed: not an update.
        """
        given = callback.headers.get(_SECRET_HEADER, "")
        if not self._secret or not compare_digest(given.encode(), self._secret.encode()):
            raise Forged("the secret token is missing or wrong")
        await self._take(_update(callback.body, self._bot))
        return Answer()

    async def run(self) -> None:
        """Tell Telegram where our door is; or, without one, ask for updates for ever."""
        if self._hook and self._secret:
            await self._until_done(self._set_hook)
            return
        await self._until_done(lambda: self._bot.delete_webhook(drop_pending_updates=False))
        while True:
            try:
                await self._poll()
            except ChannelError as error:
                _log.warning("Telegram gives no updates: %s", error.why)
                wait = error.after.total_seconds() if isinstance(error, Retry) else _PAUSE
                await asyncio.sleep(wait)

    async def _set_hook(self) -> bool:
        return await self._bot.set_webhook(
            self._hook, secret_token=self._secret, allowed_updates=list(_UPDATES)
        )

    async def close(self) -> None:
        """Close the Bot's own connections."""
        for connection in self._connections:
            await connection.shutdown()

    async def _until_done(self, call: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await call()
            except InvalidToken:
                _log.exception("Telegram does not know this token; see paidan doctor telegram")
                raise
            except TelegramError as error:
                _log.warning("Telegram does not answer: %s", type(error).__name__)
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def _poll(self) -> None:
        """One round; the offset moves on only past what is kept, or can be nothing at all. Asked
        for without the library, which gives up a whole round for one update that it cannot read.
        """
        for found in await self._asked_for(int(await self._board.notes.get(_OFFSET) or 0)):
            try:
                await self._take(_update_of(found, self._bot))
            except Malformed as error:
                _log.warning("an update of Telegram's was passed over: %s", error.why)
                self._board.count(CHANNEL, "malformed")
            number = found.get("update_id") if isinstance(found, dict) else None
            if isinstance(number, int):
                await self._board.notes.put(_OFFSET, str(number + 1))

    async def _asked_for(self, offset: int) -> Sequence[object]:
        asked = {
            "offset": str(offset or ""),
            "limit": str(_POLLED),
            "timeout": str(_POLL_SECONDS),
            "allowed_updates": json.dumps(_UPDATES),
        }
        form = FormData({name: value for name, value in asked.items() if value})
        within = _POLL_SECONDS + ANSWER_WITHIN
        answer = await self._updates.call("POST", "getUpdates", form=form, within=within)
        found = answer.json(CHANNEL)
        if answer.status == HTTPStatus.CONFLICT:
            after = timedelta(seconds=_POLL_SECONDS)
            raise Retry(CHANNEL, "another process is asking for updates", after=after)
        updates = found.get("result")
        if not isinstance(updates, list):
            raise Anomalous(
                CHANNEL, str(found.get("description", "no updates in the answer"))[:200]
            )
        return updates

    async def _take(self, update: Update) -> None:
        """Keep what is for us; presses are answered so that the button stops turning."""
        if update.message is not None and update.message.migrate_to_chat_id is not None:
            await self._moved(update.message.chat.id, update.message.migrate_to_chat_id)
            return
        if update.callback_query is not None:
            await self._pressed(update, update.callback_query)
            return
        message = update.message or update.edited_message
        if message is None:
            self._board.count(CHANNEL, "ignored")
            return
        if message.chat.type == "private" and message.text == BIND:
            await self._ask_number(message)
            return
        chat = await self._known(message.chat.id)
        me = await self._ourselves()
        with reading():
            inbound = said(update, self._board.tenant, me, chat)
        if inbound is None:
            self._board.count(CHANNEL, "ignored")
            return
        await self._remember(inbound)
        await self._board.admit(inbound)

    async def _ask_number(self, message: Message) -> None:
        """Offer a button that sends their own number; Telegram says whose a number is."""
        locale = await self._board.locale(str(message.chat.id))
        button = KeyboardButton(say("own_number", locale), request_contact=True)
        keyboard = ReplyKeyboardMarkup([[button]], resize_keyboard=True, one_time_keyboard=True)
        words = say("ask_number", locale)
        with suppress(ChannelError):  # asking again is all it takes
            await answered(self._bot.send_message(message.chat.id, words, reply_markup=keyboard))

    async def _pressed(self, update: Update, query: CallbackQuery) -> None:
        pressed = await self._presses.read(query.data or "")
        message = query.message
        if pressed is None or message is None:
            locale = await self._board.locale(str(query.from_user.id))
            await self._answered(query, say("expired", locale))
            return
        if isinstance(pressed, Asked):
            await self._ask(query, message.chat.id, message.message_id, pressed)
            return
        kind: ChatKind = "direct" if message.chat.type == "private" else "group"
        inbound = Inbound(
            tenant=self._board.tenant,
            channel=CHANNEL,
            chat=await self._known(message.chat.id),
            chat_kind=kind,
            sender=str(query.from_user.id),
            sender_name=visible(query.from_user.full_name)[:60],
            dedupe_key=f"{CHANNEL}:{update.update_id}",
            sent_at=self._board.now(),
            action=pressed,
        )
        await self._board.admit(inbound)
        await self._answered(query)

    async def _ask(self, query: CallbackQuery, chat: int, message: int, asked: Asked) -> None:
        """Offer the choices under the card; words that must be written are written as a command."""
        if not asked.choices:
            locale = await self._board.locale(str(query.from_user.id))
            await self._answered(query, asked.wanted(locale), alert=True)
            return
        buttons = asked.buttons()
        keys = await self._presses.keys(buttons)
        keyboard = writing.keyboard([button.label for button in buttons], keys)
        await self._answered(query, asked.label)
        await answered(self._bot.edit_message_reply_markup(chat, message, reply_markup=keyboard))

    async def _answered(
        self, query: CallbackQuery, words: str = "", *, alert: bool = False
    ) -> None:
        """Stop the button's turning; too late is no harm."""
        try:
            await query.answer(words[:_ALERT] or None, show_alert=alert)
        except TelegramError as error:
            _log.info("a press was not answered: %s", type(error).__name__)

    # --- going out ----------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Say it, or repaint ``previous``; long words become several messages, the last counts."""
        to = await self._current(outgoing.to.chat)
        try:
            return await self._spoken(outgoing, to)
        except ChatMigrated as moved:
            await self._moved(int(to), moved.new_chat_id)
            return await self._spoken(outgoing, str(moved.new_chat_id))

    async def _spoken(self, outgoing: Outgoing, to: str) -> Receipt:
        names = {who: await self._board.notes.get(f"name:{who}") or "" for who in outgoing.mentions}
        return await self._stage.show(outgoing, to, names)

    async def fetch(self, media: Media) -> Fetched:
        """The bytes of a file; Telegram gives bots at most 20 MB."""
        file = await answered(self._bot.get_file(media.ref))
        if file is None or not file.file_path:
            raise Refused(CHANNEL, "the file is gone")
        hosts = ("api.telegram.org", self._address)
        return Fetched(await download(CHANNEL, self._board.http, file.file_path, hosts))

    # --- who and where ------------------------------------------------------------------------

    async def _ourselves(self) -> User:
        if self._me is None:
            self._me = await answered(self._bot.get_me())
        if self._me is None:
            raise Anomalous(CHANNEL, "the bot does not know itself")
        return self._me

    async def _remember(self, inbound: Inbound) -> None:
        """Names are needed to call people by; Telegram never gives them by number."""
        key = f"name:{inbound.sender}"
        if inbound.sender_name and await self._board.notes.get(key) != inbound.sender_name:
            await self._board.notes.put(key, inbound.sender_name, _NAMES_KEPT)

    async def _moved(self, old: int, new: int) -> None:
        """A group became a supergroup: it keeps the number we know it by."""
        known = await self._known(old)
        await self._board.notes.put(f"moved:{known}", str(new))
        await self._board.notes.put(f"known:{new}", known)

    async def _known(self, chat: int) -> str:
        return await self._board.notes.get(f"known:{chat}") or str(chat)

    async def _current(self, chat: str) -> str:
        return await self._board.notes.get(f"moved:{chat}") or chat

    # --- health -------------------------------------------------------------------------------

    async def check(self) -> Sequence[Finding]:
        """The token, whether groups are heard, and whether updates reach us."""
        try:
            me = await self._bot.get_me()
        except (InvalidToken, Forbidden):
            return [Finding("fail", "telegram_token")]
        except TelegramError as error:
            raise Anomalous(CHANNEL, type(error).__name__) from None
        found = [Finding("ok", "telegram_bot", (f"@{me.username}",))]
        if not me.can_read_all_group_messages:
            found.append(Finding("warn", "telegram_privacy", (f"@{me.username}",)))
        if self._hook and URL(self._hook).port not in PORTS:
            found.append(Finding("fail", "telegram_port", (self._hook,)))
        hook = await answered(self._bot.get_webhook_info())
        if hook is None:
            return found
        if self._hook and hook.url != self._hook:
            found.append(Finding("warn", "telegram_hook_unset", (self._hook,)))
        elif not self._hook and hook.url:
            found.append(Finding("warn", "telegram_hook_left"))
        if hook.last_error_message:
            found.append(Finding("warn", "telegram_hook_failing", (hook.last_error_message,)))
        if hook.pending_update_count:
            found.append(Finding("ok", "telegram_waiting", (str(hook.pending_update_count),)))
        return found


def _update(body: bytes, bot: Bot) -> Update:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    return _update_of(found, bot)


def _update_of(found: object, bot: Bot) -> Update:
    """An update, read.

    Raises:
        Malformed: it is none, or who, where or when is missing.
    """
    with reading():
        update = Update.de_json(found, bot) if isinstance(found, dict) else None
        if update is None or not isinstance(update.update_id, int):
            raise Malformed("not an update")
        insist(update)
    return update
