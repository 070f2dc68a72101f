"""Bringing attachments home: from the platform's own hosts alone, bounded, by their true type."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp
import filetype
from yarl import URL

from bots.channel import Anomalous, Refused, Retry
from bots.gateway.api import bounded

LARGEST: Final = 20 * 1024 * 1024
"""Bytes of one attachment: what Telegram's bots may download, and more than others send."""
FETCH_WITHIN: Final = 30.0
_REDIRECTS: Final = 3
_SILK: Final = b"#!SILK_V3"
_OK: Final = 200
_GONE: Final = frozenset({400, 401, 403, 404, 410})
_PLAIN: Final = "application/octet-stream"


async def download(
    channel: str,
    http: aiohttp.ClientSession,
    url: str,
    hosts: Sequence[str],
    *,
    headers: Mapping[str, str] | None = None,
    largest: int = LARGEST,
) -> bytes:
    """The bytes at a URL a platform gave us.

    Args:
        channel: For errors.
        http: The client session.
        url: Where; only ``https`` and only these hosts, also after a redirect.
        hosts: ``example.com`` (that host), ``.example.com`` (any below it), or
            ``http://127.0.0.1:8081`` (exactly this origin, for a gateway of one's own).
        headers: Sent to the first address only.
        largest: Bytes.

    Raises:
        Refused: a foreign host, too large, or gone.
        Retry: not now.
        Anomalous: no sensible answer.
    """
    address, sent = URL(url), headers
    try:
        async with asyncio.timeout(FETCH_WITHIN):
            for _ in range(_REDIRECTS + 1):
                if not allowed(address, hosts):
                    raise Refused(channel, f"an attachment on a foreign host: {address.host}")
                async with http.get(address, headers=sent, allow_redirects=False) as response:
                    if response.status in {301, 302, 303, 307, 308}:
                        target = response.headers.get("Location", "")
                        address, sent = address.join(URL(target)), None
                        continue
                    _refuse(channel, response, largest)
                    try:
                        return await bounded(channel, response, largest)
                    except Anomalous as error:
                        raise Refused(channel, error.why) from None
    except TimeoutError:
        raise Retry(channel, "the attachment did not come in time") from None
    except (aiohttp.ClientError, ValueError) as error:
        raise Retry(channel, f"the attachment did not come: {type(error).__name__}") from None
    raise Refused(channel, "an attachment that redirects for ever")


def allowed(address: URL | str, hosts: Sequence[str]) -> bool:
    """Whether an address is the platform's; one that is none is nobody's."""
    try:
        return _is_theirs(URL(address), hosts)
    except ValueError:
        return False


def _is_theirs(address: URL, hosts: Sequence[str]) -> bool:
    if str(address.origin()) in hosts if address.is_absolute() else False:
        return True
    host = (address.host or "").lower()
    usual = address.scheme == "https" and address.port == 443 and not address.user  # noqa: PLR2004 - https
    return usual and any(
        host == name or (name.startswith(".") and host.endswith(name)) for name in hosts
    )


def sniff(data: bytes) -> str:
    """What the bytes are, whatever they are called: a MIME type."""
    if data[:10].lstrip(b"\x02").startswith(_SILK):
        return "audio/silk"
    kind = filetype.guess(data)
    return str(kind.mime) if kind else _PLAIN


def _refuse(channel: str, response: aiohttp.ClientResponse, largest: int) -> None:
    if response.status in _GONE:
        raise Refused(channel, f"the attachment is gone: HTTP {response.status}")
    if response.status != _OK:
        raise Retry(channel, f"the attachment did not come: HTTP {response.status}")
    if (response.content_length or 0) > largest:
        raise Refused(channel, f"an attachment of more than {largest} bytes")
