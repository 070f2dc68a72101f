"""A mail provider on loopback: a mailbox by pymap, an outgoing server by aiosmtpd.

Both servers are foreign code. Customers' mails are written with the standard library and laid into
the mailbox by its imaplib; ours are read back with its parser.
"""

from __future__ import annotations

import asyncio
import imaplib
import itertools
import logging
import re
import socket
import ssl
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate
from html.parser import HTMLParser
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from proxyprotocol.result import ProxyResultLocal
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer
from typing_extensions import override

from bots.email import Security
from paidan.channels.email import Email, MailServer
from paidan.channels.section import ChannelSection
from tests.vendors.platform import Platform, Shown

ADDRESS = "bx@an.cn"
PASSWORD = "code-for-programs-of-the-fake"
logging.getLogger("pymap").setLevel(logging.WARNING)  # it logs the wire, passwords and all
_NO = AuthResult(success=False, handled=False)


class _Links(HTMLParser):
    """The links of a page by their words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._open = ""

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = dict(attrs).get("href") or "" if tag == "a" else ""

    @override
    def handle_data(self, data: str) -> None:
        if self._open:
            self.found[data] = self._open


@dataclass
class Sent:
    """A mail of ours as it reached the outgoing server."""

    envelope: tuple[str, tuple[str, ...]]
    mail: EmailMessage

    @property
    def to(self) -> str:
        return self.envelope[1][0]

    @property
    def text(self) -> str:
        return str(self.mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]

    @property
    def page(self) -> str:
        return str(self.mail.get_body(("html",)).get_content())  # type: ignore[union-attr]

    @property
    def links(self) -> dict[str, str]:
        reader = _Links()
        reader.feed(self.page)
        return reader.found


class _Deaf(asyncio.Protocol):
    """A server that says its greeting, or not even that, and never anything again."""

    def __init__(self, greeting: bytes) -> None:
        self._greeting = greeting

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._greeting:
            transport.write(self._greeting)


class FakeMail(Platform):
    """One mailbox; customers write to it, colleagues are elsewhere."""

    name: ClassVar[str] = "email"
    groups: ClassVar[bool] = False
    idles: ClassVar[bool] = True

    def __init__(self, tls: tuple[Security, ssl.SSLContext] | None = None) -> None:
        super().__init__()
        self.security: Security = tls[0] if tls else "none"
        self.certificate = tls[1] if tls else None
        self.sent: list[Sent] = []
        self.answers: list[str] = []
        """What the outgoing server says to the next mails instead of taking them; ``drop`` hangs
        up, ``keep and drop`` takes the mail first.
        """
        self.settings: dict[str, Any] = {}
        self.password = PASSWORD
        self.sign_ins = 0
        self._numbers = itertools.count(1)
        self._stack = AsyncExitStack()
        self._connections: set[asyncio.Task[Any]] = set()

    # --- the servers --------------------------------------------------------------------------

    @override
    async def start(self) -> None:
        await self._open_mailbox()
        loop = asyncio.get_running_loop()
        on_connect = self.certificate if self.security == "tls" else None
        self._outgoing = await loop.create_server(self._smtp, "127.0.0.1", 0, ssl=on_connect)
        self.smtp_port = self._outgoing.sockets[0].getsockname()[1]

    async def _open_mailbox(self, port: int = 0) -> None:
        extra = {"ssl_context": self.certificate} if self.certificate else {}
        args = Namespace(
            host="127.0.0.1",
            port=0,
            debug=False,
            cert=None,
            key=None,
            tls=self.security == "starttls",
            passlib_cfg=None,
            proxy_protocol=None,
            demo_data=False,
            demo_user=ADDRESS,
            demo_password=PASSWORD,
        )
        if self.security != "starttls":
            args.insecure_login = True
        overrides = {"disable_idle": not self.idles, "invalid_user_sleep": 0.0, **extra}
        overrides["secure_auth"] = False
        backend, config = await DictBackend.init(args, **overrides)
        config.apply_context()
        self._config = config
        await backend.start(self._stack)
        serve = IMAPServer(backend.login, config)

        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            """pymap leaves it to others to hang up."""
            task = asyncio.current_task()
            assert task is not None
            self._connections.add(task)
            try:
                await serve(reader, writer, SocketInfo.get(writer, ProxyResultLocal()))
            except (ConnectionError, asyncio.CancelledError):
                pass
            finally:
                self._connections.discard(task)
                writer.close()

        on_connect = self.certificate if self.security == "tls" else None
        self._incoming = await asyncio.start_server(served, "127.0.0.1", port, ssl=on_connect)
        self.imap_port = self._incoming.sockets[0].getsockname()[1]

    def _smtp(self) -> asyncio.Protocol:
        if self.hung:
            return _Deaf(b"220 fake ESMTP\r\n" if self.hung == "begun" else b"")
        return SMTP(
            self,
            authenticator=self._authenticate,
            auth_require_tls=False,
            require_starttls=self.security == "starttls",
            tls_context=self.certificate if self.security == "starttls" else None,
            enable_SMTPUTF8=False,
            hostname="fake",
            loop=asyncio.get_running_loop(),
        )

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        self.sign_ins += 1
        wanted = LoginPassword(ADDRESS.encode(), self.password.encode())
        return AuthResult(success=True) if data == wanted else _NO

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        answer = self.answers.pop(0) if self.answers else ""
        if answer and answer != "keep and drop":
            if answer == "drop":
                server.transport.abort()
            return answer
        data = envelope.content
        assert isinstance(data, bytes)
        assert all(len(line) <= 998 for line in data.split(b"\r\n"))
        mail = message_from_bytes(data, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        assert not mail.defects
        self.sent.append(Sent((str(envelope.mail_from), tuple(envelope.rcpt_tos)), mail))
        if answer:
            server.transport.abort()
        return "250 taken"

    @override
    async def stop(self) -> None:
        for server in (self._incoming, self._outgoing):
            server.close()
        await self.hang_up()
        await self._stack.aclose()

    async def hang_up(self) -> None:
        """Every open connection to the mailbox is lost."""
        open_ones = tuple(self._connections)
        for task in open_ones:
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)
        await asyncio.sleep(0)

    async def rebuilt(self) -> None:
        """The mailbox is lost and built anew, empty, with new numbers, at the same address."""
        self._incoming.close()
        await self.hang_up()
        await self._open_mailbox(self.imap_port)

    @override
    def section(self) -> ChannelSection:
        secured = {"host": "localhost", "security": self.security}
        return Email(
            address=ADDRESS,
            name="安居联修",
            password=PASSWORD,
            imap=MailServer(port=self.imap_port, **secured),
            smtp=MailServer(port=self.smtp_port, **secured),
            poll=1,
            **self.settings,
        )

    # --- the mailbox from outside -------------------------------------------------------------

    def _mailbox(self) -> imaplib.IMAP4:
        if self.security == "tls":
            client: imaplib.IMAP4 = imaplib.IMAP4_SSL("localhost", self.imap_port)
        else:
            client = imaplib.IMAP4("localhost", self.imap_port)
        if self.security == "starttls":
            client.starttls()
        client.login(ADDRESS, PASSWORD)
        return client

    async def at(self, work: Callable[[imaplib.IMAP4], Any]) -> Any:
        """Do something in the mailbox as its owner."""

        def run() -> Any:
            client = self._mailbox()
            try:
                return work(client)
            finally:
                client.logout()

        return await asyncio.to_thread(run)

    async def lay(self, *mails: bytes, ago: float = 0.0) -> None:
        """Mails arrive in the mailbox."""

        def put(client: imaplib.IMAP4) -> None:
            for mail in mails:
                when = imaplib.Time2Internaldate(time.time() - ago)
                kind, _ = client.append("INBOX", None, when, mail)
                assert kind == "OK"

        await self.at(put)

    async def flags(self, folder: str = "INBOX") -> list[str]:
        """The flags of all mails of a folder, oldest first."""

        def look(client: imaplib.IMAP4) -> list[str]:
            kind, _ = client.select(folder, readonly=True)
            if kind != "OK":
                return []
            _, found = client.fetch("1:*", "(FLAGS)")
            lines = [line.decode() for line in found if isinstance(line, bytes)]
            return [match[1] for line in lines if (match := re.search(r"FLAGS \(([^)]*)\)", line))]

        found: list[str] = await self.at(look)
        return found

    # --- its people ---------------------------------------------------------------------------

    @override
    def user(self, who: str) -> str:
        return f"{who}@example.com"

    @override
    def chat(self, name: str) -> str:
        return self.user(name.partition(":")[2])

    def compose(self, who: str, text: str, subject: str = "报修", **headers: str) -> EmailMessage:
        """A mail as a program writes it; headers with ``_`` for ``-``, empty ones left out."""
        mail = EmailMessage()
        mail["From"] = f"{who} <{self.user(who)}>"
        mail["To"] = ADDRESS
        mail["Subject"] = subject
        mail["Date"] = formatdate()
        given = {"Message_ID": f"<{next(self._numbers)}.{who}@example.com>", **headers}
        for name, value in given.items():
            if value:
                mail[name.replace("_", "-")] = value
        mail.set_content(text)
        return mail

    def reply(self, who: str, text: str, to: Sent) -> EmailMessage:
        """An answer as programs write it: the mail it answers quoted beneath."""
        old = to.mail
        quoted = "\n".join(f"> {line}" for line in to.text.splitlines())
        known = f"{old.get('References', '')} {old['Message-ID']}".strip()
        return self.compose(
            who,
            f"{text}\n\n在 2026年11月23日，安居联修 <{ADDRESS}> 写道：\n\n{quoted}\n",
            str(old["Subject"]),
            In_Reply_To=str(old["Message-ID"]),
            References=known,
        )

    def bounce(
        self, sent: Sent, action: str = "failed", *, whole: bool = True, about: str = "550 5.1.1"
    ) -> bytes:
        """A server's report on a mail of ours (RFC 3464), with the mail itself or only its head."""
        status = (
            "Reporting-MTA: dns; mx.example.com\r\nArrival-Date: Mon, 23 Nov 2026 10:00:00 +0800"
            f"\r\n\r\nOriginal-Recipient: rfc822;{sent.to}\r\nFinal-Recipient: rfc822;{sent.to}\r\n"
            f"Action: {action}\r\nStatus: {about.rsplit(maxsplit=1)[-1]}\r\n"
            f"Diagnostic-Code: smtp; {about} <{sent.to}> User unknown\r\n"
        )
        old = sent.mail.as_bytes(policy=policy.SMTP)
        kind = "message/rfc822" if whole else "text/rfc822-headers"
        back = old.decode() if whole else old.partition(b"\r\n\r\n")[0].decode()
        return (
            f"Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.com>\r\n"
            f"To: {ADDRESS}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
            f"Auto-Submitted: auto-replied\r\nMessage-ID: <{next(self._numbers)}@mx.example.com>"
            "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; "
            'report-type=delivery-status; boundary="b0undary"\r\n\r\n'
            "--b0undary\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
            "I'm sorry to have to inform you. 3号楼电梯困人\r\n"
            f"--b0undary\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n"
            f"--b0undary\r\nContent-Type: {kind}\r\n\r\n{back}\r\n--b0undary--\r\n"
        ).encode()

    def mails(self, who: str) -> list[Sent]:
        """What somebody got from us."""
        return [sent for sent in self.sent if sent.to == self.user(who)]

    @override
    async def says(
        self, who: str, text: str, chat: str, *, key: str = "", times: int = 1
    ) -> list[int]:
        got = self.mails(who)
        mail = self.reply(who, text, got[-1]) if got else self.compose(who, text)
        await self.lay(*[mail.as_bytes(policy=policy.SMTP)] * times)
        return [200] * times

    @override
    async def presses(self, who: str, shown: Shown, label: str) -> list[int]:
        """Somebody taps a link: their program opens a new mail with the words in it."""
        link = urlsplit(shown.raw["sent"].links[label])
        asked = parse_qs(link.query)
        assert (link.scheme, unquote(link.path)) == ("mailto", ADDRESS)
        mail = self.compose(who, asked["body"][0], asked["subject"][0])
        await self.lay(mail.as_bytes(policy=policy.SMTP))
        return [200]

    @override
    def shown(self, chat: str) -> list[Shown]:
        return [
            Shown(str(s.mail["Message-ID"]), s.to, s.text, tuple(s.links), raw={"sent": s})
            for s in self.sent
            if s.to == self.chat(chat)
        ]

    @override
    def busy(self) -> None:
        self.answers.append("451 4.7.1 greylisted, try again later")

    @override
    def broken(self) -> None:
        self.answers.append("drop")


class PollingMail(FakeMail):
    """A provider whose mailbox does not tell of new mails."""

    idles: ClassVar[bool] = False


def unreachable_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
