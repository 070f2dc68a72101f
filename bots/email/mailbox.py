"""A mailbox by IMAP: what is new since a place in it, and putting mails away.

imap-tools is synchronous, so one thread of our own waits in it; :meth:`Mailbox.close` wakes that
thread by closing its connection.
Sources: RFC 3501 (IMAP), RFC 2177 (IDLE), RFC 6851 (MOVE), RFC 2971 (ID, which NetEase insists on).
"""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from imap_tools import AND, BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxLoginError

from bots.email import Security

ANSWER_WITHIN: Final = 30.0
"""Seconds a server has for one answer."""
IDLE_FOR: Final = 240.0
"""Seconds of waiting after which we ask anyway: routers forget a silent connection after five
minutes.
"""
LARGEST: Final = 40 * 1024 * 1024
"""Bytes of one mail; more than mail servers take from each other."""
_FAILURES: Final = (imaplib.IMAP4.error, ImapToolsError, OSError)
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")

T = TypeVar("T")


class MailboxError(Exception):
    """The server is away, refuses us, or lost the thread; ``login`` when our account is refused."""

    def __init__(self, why: str, *, login: bool = False) -> None:
        self.why = why
        self.login = login
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are in a mailbox: the last mail seen, valid while the mailbox is this one."""

    validity: int
    uid: int


@dataclass(frozen=True, slots=True)
class Raw:
    """A mail as it lies there; ``data`` is None where it is too large to be fetched."""

    uid: int
    arrived: datetime
    size: int
    data: bytes | None


class Mailbox:
    """One open folder.

    Args:
        host: The server.
        port: Its port.
        security: ``tls`` from the first byte, ``starttls``, or ``none``.
        user: Who we are there.
        password: Our password, or the code that the provider gives programs.
        folder: Where mails come in.
    """

    def __init__(
        self, host: str, port: int, security: Security, user: str, password: str, folder: str
    ) -> None:
        self._where = (host, port)
        self._security = security
        self._account = (user, password)
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imap")
        self._box: BaseMailBox | None = None

    async def open(self) -> Place:
        """Connect, sign in and select the folder; the place of the newest mail.

        Raises:
            MailboxError: it cannot be.
        """
        return await self._call(self._open)

    async def newer(self, place: Place) -> list[int]:
        """The mails after a place, oldest first."""
        return await self._call(lambda: self._newer(place.uid))

    async def unseen(self, since: datetime) -> list[int]:
        """Mails nobody has read that came at this time or later, oldest first."""
        return await self._call(lambda: self._unseen(since))

    async def fetch(self, uid: int) -> Raw | None:
        """A mail without marking it; None where it is gone."""
        return await self._call(lambda: self._fetch(uid))

    async def put_away(self, uid: int, folder: str = "", *, flagged: bool = False) -> None:
        """Mark a mail as read, flag it if asked, and move it to a folder if one is named."""
        await self._call(lambda: self._put_away(uid, folder, flagged))

    async def wait(self, seconds: float) -> None:
        """Until something may be new: told by the server, or after so many seconds."""
        if not await self._call(lambda: "IDLE" in self._open_box.client.capabilities):
            await asyncio.sleep(seconds)
            return
        await self._call(self._idle)

    async def folders(self) -> tuple[str, ...]:
        """The names of all folders."""
        return await self._call(lambda: tuple(f.name for f in self._open_box.folder.list()))

    @property
    def idles(self) -> bool:
        """Whether the server tells us of new mails."""
        return "IDLE" in self._open_box.client.capabilities

    def close(self) -> None:
        """Hang up, also on a thread that waits."""
        box, self._box = self._box, None
        if box is not None:
            with contextlib.suppress(OSError):
                box.client.sock.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(*_FAILURES):
                box.client.shutdown()
        self._thread.shutdown(wait=False)

    # --- in the thread ------------------------------------------------------------------------

    async def _call(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work)
        except MailboxLoginError:
            raise MailboxError("the server does not let us in", login=True) from None
        except _FAILURES as error:
            raise MailboxError(_why(error)) from None
        except RuntimeError:
            raise MailboxError("the mailbox was closed") from None

    @property
    def _open_box(self) -> BaseMailBox:
        if self._box is None:
            raise OSError("not open")
        return self._box

    def _open(self) -> Place:
        host, port = self._where
        if self._security == "none":
            box: BaseMailBox = MailBoxUnencrypted(host, port, timeout=ANSWER_WITHIN)
        else:
            kind = MailBox if self._security == "tls" else MailBoxStartTls
            context = ssl.create_default_context()
            box = kind(host, port, timeout=ANSWER_WITHIN, ssl_context=context)
        self._box = box
        box.login(*self._account, initial_folder=None)
        _capable(box.client)
        if "ID" in box.client.capabilities:
            imaplib.Commands.setdefault("ID", ("NONAUTH", "AUTH", "SELECTED"))
            box.client._simple_command("ID", '("name" "paidan" "version" "1")')  # noqa: SLF001 - imaplib has no public way
        box.folder.set(self._folder)
        status = box.folder.status(self._folder, ["UIDVALIDITY", "UIDNEXT"])
        return Place(status["UIDVALIDITY"], status["UIDNEXT"] - 1)

    def _newer(self, after: int) -> list[int]:
        return [uid for uid in self._search(f"UID {after + 1}:*") if uid > after]

    def _unseen(self, since: datetime) -> list[int]:
        """Servers search by days of their own; the mails of those are asked for their time."""
        day = (since - timedelta(days=1)).date()
        found = self._search(str(AND(seen=False, date_gte=day)))
        return [uid for uid in found if (head := self._head(uid)) and _arrived(head) >= since]

    def _search(self, criteria: str) -> list[int]:
        return sorted(int(uid) for uid in self._open_box.uids(criteria, charset=None))

    def _fetch(self, uid: int) -> Raw | None:
        head = self._head(uid)
        found = _SIZE.search(head)
        if found is None:
            return None
        size, arrived = int(found[1]), _arrived(head)
        if size > LARGEST:
            return Raw(uid, arrived, size, None)
        body = self._parts(uid, "(BODY.PEEK[])")
        return Raw(uid, arrived, size, body[1]) if len(body) > 1 else None

    def _head(self, uid: int) -> bytes:
        """Size and time of a mail as the server says them; nothing where it is gone."""
        return next(iter(self._parts(uid, "(RFC822.SIZE INTERNALDATE)")), b"")

    def _parts(self, uid: int, what: str) -> tuple[bytes, ...]:
        """The one answer to a fetch: its line, and the literal if there is one."""
        kind, found = self._open_box.client.uid("FETCH", str(uid), what)
        if kind != "OK":
            raise OSError("a mail could not be fetched")
        for part in found:
            if isinstance(part, tuple):
                return part
            if isinstance(part, bytes) and b"RFC822.SIZE" in part:
                return (part,)
        return ()

    def _put_away(self, uid: int, folder: str, flagged: bool) -> None:
        """Only this mail: imap-tools' own ways expunge what others have deleted, too."""
        box, client = self._open_box, self._open_box.client
        self._store(uid, r"(\Seen \Flagged)" if flagged else r"(\Seen)")
        if not folder:
            return
        if not box.folder.exists(folder):
            box.folder.create(folder)
        if "MOVE" in client.capabilities:
            box.move(str(uid), folder)
            return
        box.copy(str(uid), folder)
        self._store(uid, r"(\Deleted)")
        if "UIDPLUS" in client.capabilities:
            client.uid("EXPUNGE", str(uid))

    def _store(self, uid: int, flags: str) -> None:
        kind, _ = self._open_box.client.uid("STORE", str(uid), "+FLAGS", flags)
        if kind != "OK":
            raise OSError("a mail could not be marked")

    def _idle(self) -> None:
        self._open_box.idle.wait(IDLE_FOR)


def _capable(client: imaplib.IMAP4) -> None:
    """What the server can do once we are in is more than before."""
    kind, found = client.capability()
    if kind == "OK" and found and isinstance(found[-1], bytes):
        client.capabilities = tuple(found[-1].decode(errors="replace").upper().split())


def _arrived(line: bytes) -> datetime:
    parsed = imaplib.Internaldate2tuple(line)
    if parsed is None:
        return datetime.now(UTC)
    return datetime(*parsed[:6]).astimezone(UTC)


def _why(error: Exception) -> str:
    """A failure in words that hold no address of ours and no server's long text."""
    if isinstance(error, ssl.SSLError):
        return f"no secure connection: {error.reason or 'certificate'}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
