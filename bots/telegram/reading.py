"""What Telegram sends us, as messages and presses. Pure but for looking a button's string up.

Source: https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

import re
from typing import Any, Final

from telegram import Message, MessageEntity, Update, User

from bots.channel import Capabilities
from bots.degrade import visible
from workflow.records import ChatKind, Inbound, Media

CHANNEL: Final = "telegram"
CAPABILITIES: Final = Capabilities(
    groups=True,
    buttons=True,
    cards=True,
    edit=True,
    mentions=True,
    pictures=True,
    voice=True,
    max_text_bytes=4096,
    max_buttons=12,
    per_minute=20,
)
"""20 messages a minute into one group; 4,096 characters each, counted here in bytes to be safe."""
_HEARD: Final = 4000
_MAINLAND: Final = r"861\d{10}"
_LONGEST_NUMBER: Final = 15


def said(update: Update, tenant: str, me: User, chat: str) -> Inbound | None:
    """The message of an update, in the chat that we know it by; None where there is none for us.

    An edited message is a new one: what was said before stays on the record.
    """
    message = update.message or update.edited_message
    if message is None or message.from_user is None or message.from_user.is_bot:
        return None
    text, media = _text(message), _media(message)
    if not text.strip() and not media:
        return None
    kind: ChatKind = "direct" if message.chat.type == "private" else "group"
    return Inbound(
        tenant=tenant,
        channel=CHANNEL,
        chat=chat,
        chat_kind=kind,
        sender=str(message.from_user.id),
        sender_name=visible(message.from_user.full_name)[:60],
        dedupe_key=f"{CHANNEL}:{update.update_id}",
        sent_at=message.edit_date or message.date,
        text=_without_us(text, me),
        media=media,
        mentions=_mentioned(message, me),
        own_phone=_own_phone(message),
        addressed=kind == "direct" or _calls(message, me),
    )


def insist(update: Update) -> None:
    """That it has who, where and when: the library reads an update without them.

    Raises:
        TypeError, AttributeError: it has not.
    """
    query = update.callback_query
    met: list[Any] = (
        [query.message] if query is not None else [update.message, update.edited_message]
    )
    numbers = [message.chat.id for message in met if message is not None]
    numbers += [query.from_user.id] if query is not None else []
    if not all(isinstance(number, int) for number in numbers):
        raise TypeError("an id is no number")
    if query is not None and not isinstance(query.data or "", str):
        raise TypeError("what a button carries is no text")
    if query is None and any(message is not None and message.date is None for message in met):
        raise TypeError("a message has no time")


def _text(message: Message) -> str:
    """Its words; a place or a contact card is put into words too."""
    if message.location is not None:
        spot = message.venue
        named = f"{spot.title} {spot.address}" if spot else ""
        return f"{named} {message.location.latitude:.6f},{message.location.longitude:.6f}".strip()
    if message.contact is not None:
        return f"{message.contact.first_name} {message.contact.phone_number}"
    return (message.text or message.caption or "")[:_HEARD].replace("\x00", "")


def _own_phone(message: Message) -> str:
    """The number of a contact card that is its sender's own, given to us alone."""
    contact, sender = message.contact, message.from_user
    if contact is None or sender is None or message.chat.type != "private":
        return ""
    if contact.user_id != sender.id or not isinstance(contact.phone_number, str):
        return ""
    digits = re.sub(r"\D", "", contact.phone_number)
    return digits[2:] if re.fullmatch(_MAINLAND, digits) else digits[:_LONGEST_NUMBER]


def _media(message: Message) -> tuple[Media, ...]:
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return (Media("image", ref=largest.file_id, size=largest.file_size or 0),)
    voice = message.voice or message.audio
    if voice is not None:
        mime = voice.mime_type or "audio/ogg"
        return (Media("voice", ref=voice.file_id, mime=mime, size=voice.file_size or 0),)
    video = message.video or message.video_note
    if video is not None:
        return (Media("video", ref=video.file_id, size=video.file_size or 0),)
    if message.document is not None:
        return (
            Media(
                "file",
                ref=message.document.file_id,
                name=visible(message.document.file_name or "")[:200],
                size=message.document.file_size or 0,
            ),
        )
    return ()


def _entities(message: Message) -> dict[MessageEntity, str]:
    if message.text:
        return dict(message.parse_entities())
    return dict(message.parse_caption_entities()) if message.caption else {}


def _mentioned(message: Message, me: User) -> tuple[str, ...]:
    """The people meant, by id; of an ``@name`` only the name is known."""
    found: list[str] = []
    for entity, words in _entities(message).items():
        if entity.type == MessageEntity.TEXT_MENTION and entity.user is not None:
            found.append(str(entity.user.id))
        elif entity.type == MessageEntity.MENTION and not _is(words, me):
            found.append(words)
    return tuple(found)


def _calls(message: Message, me: User) -> bool:
    """Whether we are meant: answered, called by name or by person, or given a command."""
    answered = message.reply_to_message
    if answered is not None and answered.from_user is not None and answered.from_user.id == me.id:
        return True
    return any(_calls_us(entity, words, me) for entity, words in _entities(message).items())


def _calls_us(entity: MessageEntity, words: str, me: User) -> bool:
    if entity.type == MessageEntity.BOT_COMMAND:
        return "@" not in words or _is(words, me)
    if entity.type == MessageEntity.MENTION:
        return _is(words, me)
    return entity.user is not None and entity.user.id == me.id


def _is(words: str, me: User) -> bool:
    return bool(me.username) and words.lower().endswith(f"@{me.username}".lower())


def _without_us(text: str, me: User) -> str:
    """「@paidan_bot 灯坏了」 is 「灯坏了」, and 「/start」 is a greeting."""
    words = text.split()
    kept = [word for word in words if not (word.startswith("@") and _is(word, me))]
    stripped = text if len(kept) == len(words) else " ".join(kept)
    name = stripped.split("@", 1)[0].strip().lower()
    return "你好" if name in {"/start", "/help"} else stripped.strip()
