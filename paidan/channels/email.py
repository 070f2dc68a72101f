"""The account of a mailbox that customers write to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator
from typing_extensions import override

from bots.email import Security
from paidan.channels.section import ChannelSection, Section, Words
from workflow.errors import InvalidInput

if TYPE_CHECKING:
    from bots.gateway.adapter import Adapter, Switchboard

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = r"^[A-Za-z0-9.:_-]{0,253}$"


class MailServer(Section):
    """One server. ``security``: ``tls`` from the first byte, ``starttls``, or ``none``, which is
    for this machine itself unless ``insecure`` says otherwise: passwords go in the clear then.
    """

    host: str = Field(default="", pattern=_HOST)
    port: int = Field(default=0, ge=0, le=65_535)
    security: Security = "tls"
    insecure: bool = False

    @model_validator(mode="after")
    def _secured(self) -> Self:
        if self.security == "none" and self.host not in _LOOPBACK and not self.insecure:
            raise ValueError("security: none wants insecure: true on another machine")
        return self

    def at(self, tls: int, plain: int) -> int:
        """Its port, the usual one where none is given."""
        return self.port or (tls if self.security == "tls" else plain)


class Email(ChannelSection):
    """``address`` is what customers write to and what we write from, ``name`` stands before it.
    ``user`` is who we are at both servers (empty: the address), ``password`` usually a code the
    provider gives programs. ``folder`` is read; what was read is moved to ``done`` and what nobody
    can read to ``aside``, where they are named. ``trusted`` is the name of the receiving server
    that checks senders. ``poll``: seconds between looks where the server does not tell us.
    """

    address: str = Field(default="", pattern=r"^([A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{3,253})?$")
    name: str = Field(default="派单", max_length=60)
    user: str = ""
    password: str = Field(default="", repr=False)
    imap: MailServer = MailServer()
    smtp: MailServer = MailServer()
    folder: str = "INBOX"
    done: str = ""
    aside: str = ""
    trusted: str = Field(default="", pattern=_HOST)
    poll: int = Field(default=30, ge=1, le=3600)

    words: ClassVar[Mapping[str, Words]] = {
        "email_idle": (
            "收件服务器可用，新邮件随到随知",
            "the incoming server answers and tells of new mail",
        ),
        "email_polls": (
            "收件服务器可用，每 {} 秒看一次",
            "the incoming server answers; it is asked every {} s",
        ),
        "email_mailbox": (
            "收件服务器连不上（{}）：核对 channels.email.imap 的 host、port、security",
            "the incoming server is not reached ({}): compare host, port and security of "
            "channels.email.imap",
        ),
        "email_login": (
            "收件服务器不认账号：到邮箱网页版的设置里开启 IMAP/SMTP，把给第三方程序用的授权码填进 "
            "channels.email.password（不是网页登录密码）",
            "the incoming server refuses the account: enable IMAP/SMTP in the webmail's settings "
            "and give the code for programs as channels.email.password",
        ),
        "email_folders": (
            "文件夹 {} 还没有，用到时会自动建",
            "the folders {} are not there yet; they are made when needed",
        ),
        "email_smtp_ok": ("发件服务器可用", "the outgoing server lets us in"),
        "email_smtp": (
            "发件服务器连不上（{}）：核对 channels.email.smtp 的 host、port、security",
            "the outgoing server is not reached ({}): compare host, port and security of "
            "channels.email.smtp",
        ),
        "email_smtp_refused": (
            "发件服务器拒绝了（{}）：核对 channels.email 的 user 和 password（授权码）",
            "the outgoing server refused ({}): compare user and password of channels.email",
        ),
        "email_trusted": (
            "发件人由 {} 核验；核验不过的当作陌生人",
            "senders are checked by {}; who does not pass is a stranger",
        ),
        "email_untrusted": (
            "发件人没有核验：谁都能冒用别人的地址，所以来信一律当作陌生人，不认员工；"
            "收件服务器会写 Authentication-Results 的，把它的名字填进 channels.email.trusted",
            "senders are not checked, and anybody can write any address: all are strangers, none "
            "is a colleague; give the name of a server that writes Authentication-Results as "
            "channels.email.trusted",
        ),
        "email_unreadable": (
            "{} 的一封邮件读不了（{}），没有开单；原件还在邮箱里（标了星标或移到了另存文件夹），"
            "请人看一眼",
            "a mail of {} could not be read ({}) and opened nothing; it is still in the mailbox, "
            "flagged or set aside: please look",
        ),
        "email_flood": (
            "{} 一小时来信超过 {} 封，多半是自动程序；其余的不再开单，请到邮箱里看",
            "{} wrote more than {} mails within an hour, most likely a program; the rest opens "
            "nothing: please look into the mailbox",
        ),
    }

    @property
    @override
    def on(self) -> bool:
        return bool(self.address and self.imap.host and self.smtp.host)

    @property
    @override
    def called(self) -> bool:
        return False

    @override
    def open(self, board: Switchboard) -> Adapter:
        try:
            from bots.email.adapter import Email as Account  # noqa: PLC0415 - see ChannelSection
            from bots.email.mailbox import Mailbox  # noqa: PLC0415
            from bots.email.postman import Postman  # noqa: PLC0415
        except ImportError:
            wanted = "pip install 'paidan[mail]'"
            raise InvalidInput(field="channels.email", found=self.address, allowed=wanted) from None

        user, imap, smtp = self.user or self.address, self.imap, self.smtp

        def mailbox() -> Mailbox:
            port = imap.at(993, 143)
            return Mailbox(imap.host, port, imap.security, user, self.password, self.folder)

        postman = Postman(
            smtp.host,
            smtp.at(465, 587),
            smtp.security,
            user if self.password else "",
            self.password,
        )
        return Account(
            board,
            self.address,
            self.name,
            mailbox,
            postman,
            trusted=self.trusted,
            done=self.done,
            aside=self.aside,
            poll=float(self.poll),
        )
