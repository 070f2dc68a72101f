"""Handing a mail to the outgoing server, and knowing whether it took it.

Sources: RFC 5321 (4.2.1 what replies mean), RFC 8314 (TLS), RFC 4954 (AUTH).
"""

from __future__ import annotations

import re
import ssl
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from bots.channel import Anomalous, Barred, ChannelError, Refused, Retry
from bots.email import Security
from bots.email.reading import CHANNEL

ANSWER_WITHIN: Final = 30.0
"""Seconds for one answer; servers look for viruses meanwhile."""
_BUSY: Final = timedelta(minutes=1)
"""Servers that put mails off want a pause of this order (greylisting: minutes)."""
_PERMANENT: Final = 500


class Postman:
    """One outgoing account.

    Args:
        host: The server.
        port: Its port.
        security: ``tls`` from the first byte, ``starttls`` (insisted on), or ``none``.
        user: Who we are there; empty: the server lets us in as we are.
        password: Our password, or the code that the provider gives programs.
    """

    def __init__(self, host: str, port: int, security: Security, user: str, password: str) -> None:
        self._host = host
        self._port = port
        self._security = security
        self._user = user
        self._password = password

    async def carry(self, mail: EmailMessage, sender: str, to: str) -> None:
        """Hand over one mail for one address.

        Raises:
            Retry: the server is away or busy; it does not have the mail.
            Barred: it will not have us, or is not who it should be.
            Refused: it will not have this mail.
            Anomalous: it went silent after the mail: it may have it.
        """
        data = mail.as_bytes(policy=policy.SMTP.clone(max_line_length=78))
        handed = False
        try:
            async with self._client() as client:
                await self._sign_in(client)
                await client.mail(sender)
                await client.rcpt(to)
                handed = True
                await client.data(data)
                handed = False
        except SMTPResponseException as no:
            raise meaning(no) from None
        except (SMTPException, TimeoutError, OSError) as error:
            raise self._lost(error, handed=handed) from None

    async def check(self) -> None:
        """Sign in and go again.

        Raises:
            ChannelError: it cannot be.
        """
        try:
            async with self._client() as client:
                await self._sign_in(client)
        except SMTPResponseException as no:
            raise meaning(no) from None
        except (SMTPException, TimeoutError, OSError) as error:
            raise self._lost(error, handed=False) from None

    def _client(self) -> SMTP:
        secure = self._security != "none"
        return SMTP(
            hostname=self._host,
            port=self._port,
            timeout=ANSWER_WITHIN,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            tls_context=ssl.create_default_context() if secure else None,
            local_hostname="paidan.invalid",
        )

    async def _sign_in(self, client: SMTP) -> None:
        if self._user:
            await client.login(self._user, self._password)

    def _lost(self, error: Exception, *, handed: bool) -> ChannelError:
        if handed:
            return Anomalous(CHANNEL, "no answer after the mail was handed over")
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return Barred(CHANNEL, "the certificate of the outgoing server is not its own")
        away = isinstance(error, SMTPConnectError | SMTPServerDisconnected | TimeoutError | OSError)
        why = "the outgoing server does not answer" if away else type(error).__name__
        return Retry(CHANNEL, why, _BUSY) if away else Refused(CHANNEL, why)


def meaning(no: SMTPResponseException) -> ChannelError:
    """A server's no: for now (4xx) or for good (5xx). Its words are bounded and hold no address."""
    said = re.sub(r"\S+@\S+", "…", " ".join(str(no.message).split()))[:160]
    why = f"{no.code} {said}"
    if isinstance(no, SMTPAuthenticationError) and no.code >= _PERMANENT:
        return Barred(CHANNEL, f"the outgoing server does not let us in: {why}")
    return Refused(CHANNEL, why) if no.code >= _PERMANENT else Retry(CHANNEL, why, _BUSY)
