"""A chat on a page: its lines, how they stay live, and what is said or pressed in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from aiohttp import web
from markupsafe import Markup
from multidict import MultiMapping

from bots.web import parse
from paidan.console.live import Painter, stream
from paidan.console.meaning import meaning_of
from paidan.console.render import html, reader_of
from paidan.console.viewer import SERVICES
from workflow.errors import InvalidInput
from workflow.kept import Admitted, Post
from workflow.records import ChatRef, Facts

LINES = 80
"""How many lines of a chat a page shows."""


@dataclass(frozen=True)
class Chat:
    """One chat as one person sees it. ``endpoint`` takes the presses of its cards, ``me`` is who
    is speaking, ``explains`` shows under each message what was understood.
    """

    place: ChatRef
    me: str
    endpoint: str
    explains: bool = False


@dataclass(frozen=True)
class Lines:
    """What a chat shows now: (post id, version, HTML) in order."""

    rows: tuple[tuple[int, str, str], ...]

    @property
    def mark(self) -> str:
        """Names this content: equal marks, equal lines."""
        versions = ",".join(f"{number}:{version}" for number, version, _ in self.rows)
        return hashlib.sha256(versions.encode()).hexdigest()[:12]

    @property
    def whole(self) -> Markup:
        """All lines."""
        return Markup("").join(Markup(row) for _, _, row in self.rows)  # noqa: S704 - rendered by our templates


def chat_ref(channel: str, chat: str) -> ChatRef:
    """A chat by its name; ours say in it what they are."""
    return ChatRef(channel, chat, "group" if chat.startswith("group:") else "direct")


async def read(request: web.Request, chat: Chat) -> Lines:
    """The latest lines of a chat, rendered."""
    services = request.app[SERVICES]
    posts = await services.store.read(
        services.tenant, lambda uow: uow.chat_log.lines(chat.place, 0, LINES)
    )
    heard = await _heard(request, posts) if chat.explains else {}
    reader = reader_of(request)
    rows = []
    for post in posts:
        meaning = heard.get(post.message)
        version = hashlib.sha256(f"{post}{meaning is None}".encode()).hexdigest()[:12]
        text = html(
            request,
            "line.html",
            post=post,
            chat=chat,
            meaning=meaning_of(meaning, reader) if meaning else None,
        )
        rows.append((post.id, version, text))
    return Lines(tuple(rows))


async def _heard(request: web.Request, posts: Sequence[Post]) -> Mapping[str, Admitted]:
    services = request.app[SERVICES]
    keys = [post.message for post in posts if post.direction == "in"]
    found = await services.store.queries.messages(services.tenant, keys)
    return {key: message for key, message in found.items() if message.state != "waiting"}


async def live(request: web.Request, chats: Sequence[Chat]) -> web.StreamResponse:
    """Stream these chats: what the page lacks at once, then each new or repainted line."""
    return await stream(request, _painter(request, {chat.place.chat: chat for chat in chats}))


def _painter(request: web.Request, chats: Mapping[str, Chat]) -> Painter:
    services = request.app[SERVICES]
    marks = dict(name.rpartition("~")[::2] for name in request.query.getall("chat", []))
    shown: dict[str, dict[int, str]] = {}
    channels = {chat.place.channel for chat in chats.values()}

    async def paint(topics: frozenset[str]) -> AsyncIterator[tuple[str, str]]:
        yield "now", reader_of(request).iso(services.store.now(services.tenant))
        for name, chat in chats.items():
            first = name not in shown
            if not first and not topics & _watched(chat):
                continue
            lines = await read(request, chat)
            known = shown.get(name, {})
            shown[name] = {number: version for number, version, _ in lines.rows}
            if first and marks.get(name) != lines.mark:
                facts = {"chat": name, "mark": lines.mark, "html": lines.whole}
                yield "lines", json.dumps(facts)
            elif not first:
                for number, version, row in lines.rows:
                    if known.get(number) != version:
                        line = {"chat": name, "mark": lines.mark, "id": number, "html": row}
                        yield "line", json.dumps(line)
        for topic in topics:
            kind, _, place = topic.partition(":")
            channel, _, name = place.partition("/")
            if kind == "posts" and channel in channels and name not in chats:
                yield "unread", name

    return paint


def _watched(chat: Chat) -> set[str]:
    """The topics that may change what this chat shows."""
    place = f"posts:{chat.place.channel}/{chat.place.chat}"
    return {place, "inbox"} if chat.explains else {place}


# --- saying and pressing ----------------------------------------------------------------------


async def say(
    request: web.Request,
    form: MultiMapping[str],
    *,
    place: ChatRef,
    sender: str,
    sender_name: str = "",
    asset: str = "",
) -> Admitted | None:
    """Admit what a form says: text, uploaded pictures, the words of a voice message."""
    media: list[Facts] = [
        {"kind": "image", "blob": blob, "mime": "image/*", "name": ""}
        for blob in form.getall("blob", [])
    ]
    spoken = form.get("transcript", "").strip()
    if spoken:
        media.append({"kind": "voice", "mime": "audio/*", "transcript": spoken})
    facts = {"text": form.get("text", ""), "media": media, "asset": asset}
    return await admit(request, form, place, sender, sender_name, facts)


async def press(
    request: web.Request,
    form: MultiMapping[str],
    *,
    place: ChatRef,
    sender: str,
    sender_name: str = "",
) -> Admitted | None:
    """Admit the press of a button."""
    facts = {"action": pressed(form)}
    return await admit(request, form, place, sender, sender_name, facts)


async def admit(
    request: web.Request,
    form: MultiMapping[str],
    place: ChatRef,
    sender: str,
    sender_name: str,
    facts: Facts,
) -> Admitted | None:
    """Hand a payload to the front desk; None when the same form came before."""
    services = request.app[SERVICES]
    payload = {
        "id": form.get("once", ""),
        "chat": place.chat,
        "chat_kind": place.kind,
        "sender": sender,
        "sender_name": sender_name,
        **facts,
    }
    now = services.store.now(services.tenant)
    inbound = parse(payload, tenant=services.tenant, channel=place.channel, now=now)
    return await services.receive(inbound)


def pressed(form: MultiMapping[str]) -> dict[str, object]:
    """The action a button's form describes; what its sheet asked for joins the arguments, own
    words (``other.…``) before tapped choices (``args.…``).

    Raises:
        InvalidInput: the form is not one of ours.
    """
    try:
        args = json.loads(form.get("args") or "{}")
        generation = int(form["generation"]) if form.get("generation") else None
    except (ValueError, RecursionError):
        raise InvalidInput(field="args", found="malformed", allowed="JSON") from None
    if not isinstance(args, dict):
        raise InvalidInput(field="args", found=type(args).__name__, allowed="object")
    for prefix in ("args.", "other."):
        for name, value in form.items():
            if name.startswith(prefix) and value.strip():
                args[name.removeprefix(prefix)] = value.strip()
    return {
        "do": form.get("do", ""),
        "order": form.get("order", ""),
        "expect": form.get("expect"),
        "generation": generation,
        "args": cast("dict[str, object]", args),
    }
