"""Telegram's Bot API on loopback, as https://core.telegram.org/bots/api has it.

Whatever it sends and answers is read by aiogram's models first, which nobody here wrote.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from html.parser import HTMLParser
from typing import Any, ClassVar, Literal

from aiogram import types
from aiogram.client.default import DefaultBotProperties
from aiohttp import web
from aiohttp.test_utils import TestServer
from typing_extensions import override

from paidan.channels.section import ChannelSection
from paidan.channels.telegram import Telegram
from tests.vendors.platform import Clip, Platform, Shown

TOKEN = "100:test-token-of-the-fake"
SECRET = "hook-secret"
CAPTION = 1024
BOT = {"id": 100, "is_bot": True, "first_name": "派单", "username": "paidan_bot"}
SAYING = {"sendMessage", "editMessageText", "sendPhoto", "editMessageCaption", "editMessageMedia"}
_ALLOWED_TAGS = {"b", "i", "u", "s", "a", "code", "pre"}
_DEFAULTS = {"default": DefaultBotProperties()}


class _Html(HTMLParser):
    """Telegram's own HTML: known tags, closed in order; gives the words and who is called."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.open: list[str] = []
        self.called: list[str] = []
        self.wrong = ""

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ALLOWED_TAGS:
            self.wrong = f"Unsupported start tag {tag!r}"
        self.open.append(tag)
        found = re.fullmatch(r"tg://user\?id=(\d+)", dict(attrs).get("href") or "")
        if found:
            self.called.append(found[1])

    @override
    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong = f"Unexpected end tag {tag!r}"

    @override
    def handle_data(self, data: str) -> None:
        self.words += data


class FakeTelegram(Platform):
    """One bot, its chats and its people."""

    name: ClassVar[str] = "telegram"
    deliveries: ClassVar[int] = 100
    rests: ClassVar[float] = 0.2
    spoken: ClassVar[Literal["", "written", "bytes"]] = "bytes"
    polled: ClassVar[bool] = False
    markup: ClassVar[str] = (
        '<a href="tg://user?id=1">@陈伟</a> tg://user?id=1 [陈伟](tg://user?id=1) &lt;b&gt; @all'
    )

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, int] = {}
        self.chats: dict[str, int] = {}
        self.messages: dict[int, dict[int, dict[str, Any]]] = {}
        self.answers: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.files: dict[str, bytes] = {}
        self.failures: list[tuple[int, dict[str, Any]]] = []
        self.sent_at: dict[int, list[float]] = {}
        self.hook_set: dict[str, Any] = {}
        self.moved: dict[int, int] = {}
        self.waiting: list[dict[str, Any]] = []
        self.revoked = False
        self._ids = itertools.count(1000)

    # --- the platform's own doors ---------------------------------------------------------------

    @override
    async def start(self) -> None:
        app = web.Application(middlewares=[self.hanging])
        app.router.add_post("/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
        self.server = TestServer(app)
        await self.server.start_server(access_log=None)

    @override
    async def stop(self) -> None:
        self.hangs("")
        await self.server.close()

    @override
    def section(self) -> ChannelSection:
        address = str(self.server.make_url("")).rstrip("/")
        secret = "" if self.polled else SECRET
        return Telegram(token=TOKEN, secret=secret, address=address)

    async def _call(self, request: web.Request) -> web.Response:
        if self.revoked or request.match_info["token"] != TOKEN:
            return _no(401, "Unauthorized")
        method = request.match_info["method"]
        form = dict(await request.post())
        self.calls.append((method, form))
        answer = getattr(self, f"_{method}", None)
        if answer is None:
            return _no(404, "Not Found")
        if self.failures and method in SAYING:
            status, body = self.failures.pop(0)
            return web.json_response({"ok": False, "error_code": status, **body}, status=status)
        found = await answer(form)
        if isinstance(found, web.Response):
            return found
        return web.json_response({"ok": True, "result": found})

    async def _getMe(self, _form: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - their name
        return _checked(types.User, {**BOT, "can_read_all_group_messages": False})

    async def _setWebhook(self, form: dict[str, Any]) -> bool:  # noqa: N802
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", form["secret_token"])
        self.hook_set = form
        return True

    async def _deleteWebhook(self, _form: dict[str, Any]) -> bool:  # noqa: N802
        self.hook_set = {}
        return True

    async def _getWebhookInfo(self, _form: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        url = self.hook_set.get("url", "")
        found = {"url": url, "has_custom_certificate": False, "pending_update_count": 0}
        return _checked(types.WebhookInfo, found)

    async def _getUpdates(self, form: dict[str, Any]) -> list[dict[str, Any]] | web.Response:  # noqa: N802
        if self.hook_set:
            return _no(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = int(form.get("offset", 0))
        self.waiting = [update for update in self.waiting if update["update_id"] >= offset]
        return self.waiting[: int(form.get("limit", 100))]

    async def _sendMessage(self, form: dict[str, Any]) -> dict[str, Any] | web.Response:  # noqa: N802
        return self._sent(form, form["text"], 4096)

    async def _sendPhoto(self, form: dict[str, Any]) -> dict[str, Any] | web.Response:  # noqa: N802
        photo = form["photo"].file.read()
        return self._sent(form, form.get("caption", ""), CAPTION, photo)

    def _sent(
        self, form: dict[str, Any], html: str, most: int, photo: bytes | None = None
    ) -> dict[str, Any] | web.Response:
        chat = int(form["chat_id"])
        if chat in self.moved:
            moved = {"parameters": {"migrate_to_chat_id": self.moved[chat]}}
            return _no(400, "Bad Request: group chat was upgraded to a supergroup chat", moved)
        if chat not in self.messages:
            return _no(400, "Bad Request: chat not found")
        if chat < 0 and self._too_many(chat):
            return _no(429, "Too Many Requests: retry after 3", {"parameters": {"retry_after": 3}})
        number = next(self._ids)
        wrong = self._keep(chat, number, form, html, most, photo)
        return wrong or self._shown_message(chat, number)

    async def _editMessageText(self, form: dict[str, Any]) -> dict[str, Any] | web.Response:  # noqa: N802
        return self._edited(form, form["text"], 4096, photo=False)

    async def _editMessageCaption(self, form: dict[str, Any]) -> dict[str, Any] | web.Response:  # noqa: N802
        return self._edited(form, form.get("caption", ""), CAPTION, photo=True)

    async def _editMessageMedia(self, form: dict[str, Any]) -> dict[str, Any] | web.Response:  # noqa: N802
        """Also adds a picture to a message of words."""
        chat, number = int(form["chat_id"]), int(form["message_id"])
        if self.messages.get(chat, {}).get(number) is None:
            return _no(400, "Bad Request: message to edit not found")
        media = json.loads(form["media"])
        assert media["type"] == "photo"
        data = form[media["media"].removeprefix("attach://")].file.read()
        wrong = self._keep(chat, number, form, media["caption"], CAPTION, data)
        return wrong or self._shown_message(chat, number)

    def _edited(
        self, form: dict[str, Any], html: str, most: int, *, photo: bool
    ) -> dict[str, Any] | web.Response:
        """Words of messages with a picture are its caption, and only they have one."""
        chat, number = int(form["chat_id"]), int(form["message_id"])
        before = self.messages.get(chat, {}).get(number)
        if before is None:
            return _no(400, "Bad Request: message to edit not found")
        if photo is not (before["photo"] is not None):
            lacks = "caption" if photo else "text"
            return _no(400, f"Bad Request: there is no {lacks} in the message to edit")
        now = (html, json.loads(form.get("reply_markup") or "null"))
        if (before["html"], before["keyboard"]) == now:
            return _no(400, "Bad Request: message is not modified: specified new message content")
        wrong = self._keep(chat, number, form, html, most, before["photo"])
        return wrong or self._shown_message(chat, number)

    async def _editMessageReplyMarkup(self, form: dict[str, Any]) -> dict[str, Any] | web.Response:  # noqa: N802
        chat, number = int(form["chat_id"]), int(form["message_id"])
        kept = self.messages[chat][number]
        kept["keyboard"] = json.loads(form["reply_markup"])
        return self._shown_message(chat, number)

    async def _answerCallbackQuery(self, form: dict[str, Any]) -> bool | web.Response:  # noqa: N802
        assert len(form.get("text", "")) <= 200
        if form["callback_query_id"] == "old":
            return _no(400, "Bad Request: query is too old and response timeout expired")
        self.answers.append(form)
        return True

    async def _getFile(self, form: dict[str, Any]) -> dict[str, Any] | web.Response:  # noqa: N802
        if form["file_id"] not in self.files:
            return _no(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        found = {
            "file_id": form["file_id"],
            "file_unique_id": "u",
            "file_path": f"files/{form['file_id']}",
        }
        return _checked(types.File, found)

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["path"].removeprefix("files/")
        if request.match_info["token"] != TOKEN or name not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=self.files[name])

    def _too_many(self, chat: int) -> bool:
        """Twenty messages a minute into one group."""
        now = time.monotonic()
        recent = [at for at in self.sent_at.get(chat, []) if now - at < 60]
        self.sent_at[chat] = [*recent, now]
        return len(recent) >= 20

    def _keep(
        self,
        chat: int,
        number: int,
        form: dict[str, Any],
        html: str,
        most: int,
        photo: bytes | None,
    ) -> web.Response | None:
        if photo is not None and not photo.startswith((b"\xff\xd8\xff", b"\x89PNG")):
            return _no(400, "Bad Request: IMAGE_PROCESS_FAILED")
        reader = _Html()
        reader.feed(html)
        reader.close()
        if reader.wrong or reader.open:
            return _no(400, f"Bad Request: can't parse entities: {reader.wrong}")
        if not 0 < len(reader.words.encode("utf-16-le")) // 2 <= most:
            what = "message" if photo is None else "message caption"
            return _no(400, f"Bad Request: {what} is too long")
        keyboard = json.loads(form.get("reply_markup") or "null")
        for row in (keyboard or {}).get("inline_keyboard", []):
            for button in row:
                if not 1 <= len(button["callback_data"].encode()) <= 64:
                    return _no(400, "Bad Request: BUTTON_DATA_INVALID")
        edits = self.messages[chat].get(number, {}).get("edits", -1) + 1
        self.messages[chat][number] = {
            "html": html,
            "photo": photo,
            "words": reader.words,
            "called": reader.called,
            "keyboard": keyboard,
            "edits": edits,
        }
        return None

    def _shown_message(self, chat: int, number: int) -> dict[str, Any]:
        kept = self.messages[chat][number]
        return _checked(
            types.Message,
            {
                "message_id": number,
                "date": int(time.time()),
                "chat": self._chat_of(chat),
                "from": BOT,
                **_content(kept),
                **({"reply_markup": kept["keyboard"]} if kept["keyboard"] else {}),
            },
        )

    # --- its people ----------------------------------------------------------------------------

    @override
    def user(self, who: str) -> str:
        return str(self.people.setdefault(who, 5000 + len(self.people)))

    @override
    def chat(self, name: str) -> str:
        kind, _, who = name.partition(":")
        if kind != "group":
            number = int(self.user(who))
        else:
            number = self.chats.setdefault(name, -1001000 - len(self.chats))
        self.messages.setdefault(number, {})
        return str(number)

    def _chat_of(self, chat: int) -> dict[str, Any]:
        if chat < 0:
            return {"id": chat, "type": "supergroup", "title": "维修群"}
        return {"id": chat, "type": "private", "first_name": "某人"}

    def person(self, who: str) -> dict[str, Any]:
        return {"id": int(self.user(who)), "is_bot": False, "first_name": who}

    def message(self, who: str, chat: str, **content: Any) -> dict[str, Any]:
        """A message of somebody's, as an update would carry it."""
        return {
            "message_id": next(self._ids),
            "date": int(time.time()),
            "chat": self._chat_of(int(self.chat(chat))),
            "from": self.person(who),
            **content,
        }

    async def tell(self, update: dict[str, Any], times: int = 1, **headers: str) -> list[int]:
        """Bring an update to our door, as Telegram does."""
        types.Update.model_validate(update, context=_DEFAULTS)
        return await self._bring(update, times, **headers)

    async def _bring(self, update: dict[str, Any], times: int = 1, **headers: str) -> list[int]:
        if self.polled:
            self.waiting.append(update)
            return [200] * times
        sent = {"X-Telegram-Bot-Api-Secret-Token": SECRET, **headers}

        async def bring() -> int:
            async with self.http.post(self.hook, json=update, headers=sent) as response:
                return response.status

        return await self.brought(bring, times)

    @override
    async def says(
        self, who: str, text: str, chat: str, *, key: str = "", times: int = 1
    ) -> list[int]:
        content: dict[str, Any] = {"text": text}
        if chat.startswith("group:"):
            content = {
                "text": f"@paidan_bot {text}",
                "entities": [{"type": "mention", "offset": 0, "length": 11}],
            }
        update = {"update_id": next(self._ids), "message": self.message(who, chat, **content)}
        return await self.tell(update, times)

    async def shares(self, who: str, phone: str, *, owner: str = "") -> list[int]:
        """Somebody sends a contact card alone with us: their own, or another's."""
        user_id = int(self.user(owner or who))
        card = {"phone_number": phone, "first_name": owner or who, "user_id": user_id}
        message = self.message(who, f"customer:{who}", contact=card)
        return await self.tell({"update_id": next(self._ids), "message": message})

    @override
    async def sends_unknown(self) -> list[int]:
        return await self._bring({"update_id": next(self._ids), "hologram": {"id": 1}})

    @override
    async def sends_nonsense(self) -> list[int]:
        return await self._bring({"update_id": next(self._ids), "message": {"message_id": "x"}})

    @override
    async def speaks(self, who: str, clip: Clip, chat: str) -> list[int]:
        file = f"voice{next(self._ids)}"
        self.files[file] = clip.record("ogg")
        voice = {"file_id": file, "file_unique_id": "u", "duration": 2, "mime_type": "audio/ogg"}
        update = {"update_id": next(self._ids), "message": self.message(who, chat, voice=voice)}
        return await self.tell(update)

    @override
    async def presses(self, who: str, shown: Shown, label: str) -> list[int]:
        rows = shown.raw["keyboard"]["inline_keyboard"]
        data = next(b["callback_data"] for row in rows for b in row if b["text"] == label)
        chat = int(shown.chat)
        query = {
            "id": str(next(self._ids)),
            "from": self.person(who),
            "message": self._shown_message(chat, int(shown.id)),
            "chat_instance": "1",
            "data": data,
        }
        return await self.tell({"update_id": next(self._ids), "callback_query": query})

    @override
    def shown(self, chat: str) -> list[Shown]:
        number = int(self.chat(chat))
        return [
            Shown(
                str(message),
                str(number),
                kept["words"],
                tuple(
                    button["text"]
                    for row in (kept["keyboard"] or {}).get("inline_keyboard", [])
                    for button in row
                ),
                tuple(kept["called"]),
                kept["edits"],
                kept,
            )
            for message, kept in sorted(self.messages[number].items())
        ]

    @override
    def busy(self) -> None:
        why = {"description": "Too Many Requests", "parameters": {"retry_after": 1}}
        self.failures.append((429, why))

    @override
    def broken(self) -> None:
        self.failures.append((502, {"description": "Bad Gateway"}))


class PollingTelegram(FakeTelegram):
    """The same without a webhook: we ask for updates."""

    polled: ClassVar[bool] = True
    called: ClassVar[bool] = False


def _content(kept: dict[str, Any]) -> dict[str, Any]:
    if kept["photo"] is None:
        return {"text": kept["words"]}
    size = {"file_id": "p", "file_unique_id": "u", "width": 1, "height": 1}
    return {"photo": [size], "caption": kept["words"]}


def _checked(model: type[Any], found: dict[str, Any]) -> dict[str, Any]:
    model.model_validate(found, context=_DEFAULTS)
    return found


def _no(status: int, why: str, more: dict[str, Any] | None = None) -> web.Response:
    body = {"ok": False, "error_code": status, "description": why, **(more or {})}
    return web.json_response(body, status=status)
