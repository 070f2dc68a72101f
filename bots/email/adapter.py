"""E-mail both ways: a mailbox that is read, an outgoing server that is spoken through.

A mail is put away only once it is durably ours, and our place in the mailbox moves on after that;
whatever is read twice has the same key. What cannot be read is set aside where a person sees it,
and so is a mail that failed us three times: no mail is read for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal

from bots.channel import Capabilities, ChannelError, Refused
from bots.email import threads
from bots.email.bounces import Returned
from bots.email.headers import ADDRESS
from bots.email.mailbox import Mailbox, MailboxError, Place, Raw
from bots.email.postman import Postman
from bots.email.reading import (
    CAPABILITIES,
    CHANNEL,
    Letter,
    Unreadable,
    read,
    topic_of,
)
from bots.email.writing import Thread, letter, number_in
from bots.gateway.adapter import Answer, Callback, Fetched, Finding, Malformed, Switchboard
from bots.gateway.media import LARGEST, sniff
from workflow.errors import Unavailable
from workflow.records import Inbound, Media, Outgoing, Receipt

REMEMBERED: Final = timedelta(days=400)
"""How long a thread without news still gets its own subject."""
SENT: Final = timedelta(days=7)
"""How long a mail that was handed over is not handed over again."""
HEARD_IN_AN_HOUR: Final = 30
"""Mails of one sender; more is a machine that does not say so."""
TRIES: Final = 3
OLD: Final = timedelta(minutes=10)
"""What came longer before the very first look is not news to us."""
UNVERIFIED: Final = "unverified:"
"""Before the sender of a mail whose From nobody vouches for: it is nobody we know."""
_PAUSE: Final = 10.0
_LONGEST_PAUSE: Final = 600.0
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

_NO_ORDER: Final = "-"

_log = logging.getLogger(__name__)


class Email:
    """One mailbox and its outgoing server.

    Args:
        board: What every adapter is given.
        address: Our address, which customers write to.
        name: What stands before it.
        open_mailbox: Makes a connection to the mailbox.
        postman: Hands mails over.
        trusted: The name by which our receiving server signs what it found out about senders.
        done: The folder of what was read; empty: it stays where it is.
        aside: The folder of what could not be read; empty: it stays, flagged.
        poll: Seconds between looks where the server does not tell us.
    """

    name = CHANNEL

    def __init__(
        self,
        board: Switchboard,
        address: str,
        name: str,
        open_mailbox: Callable[[], Mailbox],
        postman: Postman,
        *,
        trusted: str = "",
        done: str = "",
        aside: str = "",
        poll: float = 30.0,
    ) -> None:
        self._board = board
        self._address = address.lower()
        self._domain = self._address.rpartition("@")[2]
        self._from = (name, self._address)
        self._open_mailbox = open_mailbox
        self._postman = postman
        self._trusted = trusted
        self._done = done
        self._aside = aside
        self._poll = poll
        self._sending: dict[str, asyncio.Task[None]] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Words and cards, one to one; what was sent stays as it was."""
        return CAPABILITIES

    # --- coming in ----------------------------------------------------------------------------

    async def receive(self, callback: Callback) -> Answer:
        """Nobody calls us.

        Raises:
            Malformed: always.
        """
        del callback
        raise Malformed("mail does not come by HTTP")

    async def run(self) -> None:
        """Read what is new, for ever; a lost connection is opened again."""
        pause = _PAUSE
        while True:
            box = self._open_mailbox()
            try:
                newest = await box.open()
                await self._catch_up(box, newest)
                while True:
                    await self._round(box)
                    pause = _PAUSE
                    await box.wait(self._poll)
            except MailboxError as error:
                _log.warning("the mailbox is away: %s", error.why)
                if error.login:
                    await self._board.tell("email_login", ())
            finally:
                box.close()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _catch_up(self, box: Mailbox, newest: Place) -> None:
        """Begin after what is there already, but for what just came. A mailbox that was built anew
        has new numbers: then what nobody has read since yesterday is read, and known by its key.
        """
        kept = await self._place()
        if kept is not None and kept.validity == newest.validity:
            return
        news = OLD if kept is None else _DAY
        for uid in await box.unseen(self._board.now() - news):
            if uid <= newest.uid:
                await self._one(box, Place(newest.validity, uid))
        await self._move_on(newest)

    async def _round(self, box: Mailbox) -> None:
        place = await self._place()
        if place is None:
            return
        for uid in await box.newer(place):
            there = Place(place.validity, uid)
            await self._one(box, there)
            await self._move_on(there)

    async def _one(self, box: Mailbox, place: Place) -> None:
        """Take one mail and put it away; one that failed us too often is set aside unread."""
        raw = await box.fetch(place.uid)
        if raw is None:
            return
        tried = f"tried:{place.validity}:{place.uid}"
        tries = int(await self._board.notes.get(tried) or 0)
        if tries >= TRIES:
            await self._set_aside(box, raw, "it failed several times")
        else:
            await self._board.notes.put(tried, str(tries + 1), _DAY)
            try:
                await self._take(raw)
            except Unreadable as error:
                await self._set_aside(box, raw, error.why)
            except Unavailable:  # nothing is wrong with the mail
                await self._board.notes.put(tried, str(tries), _DAY)
                raise
            else:
                await box.put_away(raw.uid, self._done)
        await self._board.notes.drop(tried)

    async def _set_aside(self, box: Mailbox, raw: Raw, why: str) -> None:
        _log.warning("a mail was set aside: %s", why)
        self._board.count(CHANNEL, "unreadable")
        await self._board.tell("email_unreadable", (f"{raw.arrived:%Y-%m-%d %H:%M} UTC", why))
        await box.put_away(raw.uid, self._aside, flagged=True)

    async def _take(self, raw: Raw) -> None:
        """One mail, if it is a person's.

        Raises:
            Unreadable: nobody can be answered.
        """
        if raw.data is None:
            raise Unreadable(f"it has {raw.size // 1_000_000} MB")
        found = await asyncio.to_thread(read, raw.data, self._address, self._trusted)
        if found.bounced:
            await self._came_back(found.returned)
        if found.machine or found.bounced or found.ours:
            _log.info("a mail was left alone: %s", found.machine or "our own")
            self._board.count(CHANNEL, "ignored")
            return
        if await self._too_many(found.address):
            self._board.count(CHANNEL, "ignored")
            return
        found = await self._threaded(found)
        await self._board.admit(await self._inbound(found, raw.arrived))

    async def _came_back(self, returned: Returned | None) -> None:
        """What it told stands as undelivered on its work order, and may be handed over again."""
        _log.warning("a mail of ours did not arrive: %s", returned.why if returned else "unknown")
        self._board.count(CHANNEL, "undelivered")
        sent = f"sent:{_short(returned.message_id)}" if returned else ""
        number = await self._board.notes.get(sent) if sent else None
        if returned is None or not number:
            return
        if await self._board.came_back(number, returned.message_id, returned.why):
            await self._board.notes.drop(sent)

    async def _inbound(self, found: Letter, arrived: datetime) -> Inbound:
        media = [await self._kept(file.data, file.name) for file in found.files]
        if found.whole:
            media.append(await self._kept(found.whole.encode(), "全文.txt"))
        if found.left:
            media.append(Media("file", lost=f"{found.left} attachments too many"))
        return Inbound(
            tenant=self._board.tenant,
            channel=CHANNEL,
            chat=threads.chat_of(found.address, found.thread),
            chat_kind="direct",
            sender=found.address if found.verified else f"{UNVERIFIED}{found.address}",
            sender_name=found.name,
            dedupe_key=f"{CHANNEL}:{found.key}",
            sent_at=min(arrived, self._board.now()),
            text=found.text,
            media=tuple(media),
        )

    async def _kept(self, data: bytes, name: str) -> Media:
        """An attachment with its bytes stored, before the mail is ours: a mail can be moved."""
        if len(data) > LARGEST:
            return Media("file", name=name, size=len(data), lost=f"more than {LARGEST} bytes")
        mime = sniff(data)
        blob = await self._board.keep(data, mime)
        return Media(_kind(mime), blob, mime, name, len(data))

    async def _threaded(self, found: Letter) -> Letter:
        """In its thread, also where a program left nothing of it but the number in the subject."""
        known = f"number:{_short(found.address)}:{found.number}"
        named = await self._board.notes.get(known) if found.number else None
        if named and not threads.answered(found.references, self._domain):
            found = replace(found, thread=named)
        chat = threads.chat_of(found.address, found.thread)
        thread = await self._thread(chat)
        if not thread.subject:
            thread = replace(thread, subject=topic_of(found.subject) or "报修")
        for one in (*found.references, found.message_id):
            thread = thread.after(one) if one else thread
        await self._remember(chat, thread)
        return found

    async def _too_many(self, address: str) -> bool:
        """Whether somebody writes like a machine; the house is told once an hour."""
        key = f"heard:{_short(address)}:{self._board.now():%Y%m%d%H}"
        count = int(await self._board.notes.get(key) or 0) + 1
        await self._board.notes.put(key, str(count), _HOUR)
        if count == HEARD_IN_AN_HOUR + 1:
            await self._board.tell("email_flood", (address, str(HEARD_IN_AN_HOUR)))
        return count > HEARD_IN_AN_HOUR

    # --- going out ----------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Receipt:
        """One mail, in its thread. The same key is handed over once, as far as we know."""
        to, named = threads.parted(outgoing.to.chat)
        if not ADDRESS.fullmatch(to):
            raise Refused(CHANNEL, "not an address we can write to")
        message_id = threads.own_id(named, outgoing.key, self._domain)
        sent = f"sent:{_short(message_id)}"
        if await self._board.notes.get(sent):
            return Receipt(message_id, self._board.now())
        task = self._sending.get(message_id)
        if task is None:
            task = asyncio.create_task(self._carry(outgoing, to, named, message_id))
            self._sending[message_id] = task
            task.add_done_callback(lambda _: self._sending.pop(message_id, None))
        await asyncio.shield(task)
        return Receipt(message_id, self._board.now())

    async def _carry(self, outgoing: Outgoing, to: str, named: str, message_id: str) -> None:
        """Hand it over, whoever stops waiting for that: broken off, it might come twice."""
        chat, number = outgoing.to.chat, number_in(outgoing)
        thread = await self._thread(chat) if named else _house(number, self._domain)
        if number and not thread.number:
            thread = replace(thread, number=number)
        now = self._board.now()
        try:
            mail = letter(outgoing, thread, self._from, to, message_id, now)
        except ValueError:
            raise Refused(CHANNEL, "an address that cannot stand in a mail") from None
        await self._postman.carry(mail, self._address, to)
        await self._board.notes.put(f"sent:{_short(message_id)}", number or _NO_ORDER, SENT)
        if named:
            await self._remember(chat, thread.after(message_id))
        if number:
            key = f"number:{_short(to)}:{number}"
            await self._board.notes.swap(key, None, named or threads.HOME, REMEMBERED)

    async def _thread(self, chat: str) -> Thread:
        kept = await self._board.notes.get(f"thread:{_short(chat)}")
        if not kept:
            return Thread()
        found = json.loads(kept)
        return Thread(found["subject"], found["number"], tuple(found["references"]))

    async def _remember(self, chat: str, thread: Thread) -> None:
        kept = {
            "subject": thread.subject,
            "number": thread.number,
            "references": list(thread.references),
        }
        await self._board.notes.put(f"thread:{_short(chat)}", json.dumps(kept), REMEMBERED)

    async def fetch(self, media: Media) -> Fetched:
        """Attachments come with their mail."""
        del media
        raise Refused(CHANNEL, "the attachment is gone")

    async def close(self) -> None:
        """Wait for what is being handed over."""
        for task in tuple(self._sending.values()):
            with contextlib.suppress(Exception):
                await task

    # --- our place ----------------------------------------------------------------------------

    async def _place(self) -> Place | None:
        kept = await self._board.notes.get("place")
        if not kept:
            return None
        validity, _, uid = kept.partition(":")
        return Place(int(validity), int(uid))

    async def _move_on(self, place: Place) -> None:
        await self._board.notes.put("place", f"{place.validity}:{place.uid}")

    # --- health -------------------------------------------------------------------------------

    async def check(self) -> Sequence[Finding]:
        """Both servers, the folders, and what a sender's address is worth here."""
        found = [*await self._check_mailbox(), await self._check_postman()]
        trust = Finding("ok", "email_trusted", (self._trusted,))
        return [*found, trust if self._trusted else Finding("warn", "email_untrusted")]

    async def _check_mailbox(self) -> list[Finding]:
        box = self._open_mailbox()
        try:
            await box.open()
            folders = await box.folders()
            tells = Finding(
                "ok", "email_idle" if box.idles else "email_polls", (f"{self._poll:g}",)
            )
        except MailboxError as error:
            code = "email_login" if error.login else "email_mailbox"
            return [Finding("fail", code, () if error.login else (error.why,))]
        finally:
            box.close()
        wanted = [name for name in (self._done, self._aside) if name]
        missing = [name for name in wanted if name not in folders]
        made = [Finding("ok", "email_folders", ("、".join(missing),))] if missing else []
        return [tells, *made]

    async def _check_postman(self) -> Finding:
        try:
            await self._postman.check()
        except Refused as no:
            return Finding("fail", "email_smtp_refused", (no.why,))
        except ChannelError as error:
            return Finding("fail", "email_smtp", (error.why,))
        return Finding("ok", "email_smtp_ok")


def _house(number: str, domain: str) -> Thread:
    """The thread of mails we write first: one for each work order."""
    root = threads.own_id(threads.HOME, f"about:{number}", domain)
    return Thread("", number, (root,) if number else ())


def _kind(mime: str) -> Literal["image", "voice", "video", "file"]:
    """What an attachment is for people, by what its bytes are."""
    match mime.partition("/")[0]:
        case "image":
            return "image"
        case "audio":
            return "voice"
        case "video":
            return "video"
    return "file"


def _short(name: str) -> str:
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32]
