"""The envelope of Tencent's platforms: a signature over an AES-sealed message, in XML or JSON.

The same for WeChat official accounts, 企业微信 applications and its 智能机器人; they differ in whom
the message is sealed for. Source: https://developer.work.weixin.qq.com/document/path/90968.
The cipher is wechatpy's; the signature is compared in constant time here, and whatever a forged or
broken message makes the cipher raise is one refusal.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any, Final
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

import xmltodict
from wechatpy.crypto import PrpCrypto
from wechatpy.crypto.base import WeChatCipher

from bots.gateway.adapter import Callback, Forged, Malformed

FRESH_FOR: Final = timedelta(minutes=10)
"""How old a call may be: their retries take seconds, our clocks may be minutes apart."""
_BLOCK: Final = 32
_LARGEST: Final = 256 * 1024
"""Bytes of XML; a message's words are two thousand at most."""
_MARKS: Final = 4096
"""Tags and attributes of XML, and what looks like them in somebody's words."""
_KEY: Final = re.compile(r"[A-Za-z0-9+/]{43}")

Fields = Mapping[str, Any]


class Envelope:
    """Opens and seals one account's messages.

    Args:
        token: What signatures are made with.
        aes_key: The 43 characters of the EncodingAESKey.
        receiver: Whom messages are sealed for: app id, corp id, or empty (internal bots).
        now: Real time.
    """

    def __init__(
        self, token: str, aes_key: str, receiver: str, now: Callable[[], datetime]
    ) -> None:
        self._token = token
        self._receiver = receiver
        self._now = now
        self._cipher = PrpCrypto(key_of(aes_key))

    def echo(self, callback: Callback) -> bytes:
        """The answer that proves to the platform, once, that this door is ours.

        Raises:
            Forged, Malformed: see :meth:`open`.
        """
        return self._opened(callback.query, callback.query.get("echostr", "")).encode()

    def open_xml(self, callback: Callback) -> Fields:
        """The fields of the message in a sealed XML body.

        Raises:
            Forged: the signature is wrong, the call is old, or it was sealed for somebody else.
            Malformed: it cannot be opened or read.
        """
        sealed = fields_of(callback.body).get("Encrypt")
        if not isinstance(sealed, str):
            raise Malformed("no sealed message in the body")
        return fields_of(self._opened(callback.query, sealed).encode())

    def open_json(self, callback: Callback) -> Fields:
        """The fields of the message in a sealed JSON body; raises as :meth:`open_xml`."""
        sealed = object_of(callback.body).get("encrypt")
        if not isinstance(sealed, str):
            raise Malformed("no sealed message in the body")
        return object_of(self._opened(callback.query, sealed).encode())

    def seal_xml(self, message: str) -> bytes:
        """A passive answer, sealed."""
        sealed, signature, stamp, nonce = self._sealed(message)
        return (
            f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt>"
            f"<MsgSignature><![CDATA[{signature}]]></MsgSignature>"
            f"<TimeStamp>{stamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
        ).encode()

    def seal_json(self, message: Mapping[str, Any]) -> bytes:
        """A passive answer, sealed."""
        sealed, signature, stamp, nonce = self._sealed(json.dumps(message, ensure_ascii=False))
        said = {"encrypt": sealed, "msgsignature": signature, "timestamp": stamp, "nonce": nonce}
        return json.dumps(said).encode()

    def _opened(self, query: Mapping[str, str], sealed: str) -> str:
        stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        wanted = signed(self._token, stamp, nonce, sealed)
        given = query.get("msg_signature", "")
        if not compare_digest(wanted.encode(), given.encode()):
            raise Forged("the signature is wrong")
        if not fresh(stamp, self._now()):
            raise Forged("the call is too old")
        try:
            opened = self._cipher.decrypt(sealed, self._receiver)
            return opened.decode() if isinstance(opened, bytes) else str(opened)
        except Exception as error:  # noqa: BLE001 - broken ciphertext raises whatever it likes
            kind = Forged if type(error).__name__.startswith("InvalidAppId") else Malformed
            raise kind(f"the message cannot be opened: {type(error).__name__}") from None

    def _sealed(self, message: str) -> tuple[str, str, int, str]:
        found = self._cipher.encrypt(message, self._receiver)
        sealed = found.decode() if isinstance(found, bytes) else str(found)
        stamp, nonce = int(self._now().timestamp()), secrets.token_hex(8)
        return sealed, signed(self._token, str(stamp), nonce, sealed), stamp, nonce


def key_of(aes_key: str) -> bytes:
    """The key behind the 43 characters.

    Raises:
        ValueError: they are not 43 characters of base64.
    """
    if not _KEY.fullmatch(aes_key):
        raise ValueError("an EncodingAESKey is 43 letters and digits")
    return base64.b64decode(f"{aes_key}=")


def unsealed(data: bytes, aes_key: str) -> bytes:
    """The bytes of an attachment that came sealed with this key (AES-256-CBC, padded to 32).

    Raises:
        Malformed: they cannot be opened with it.
    """
    try:
        key = base64.b64decode(aes_key + "=" * (-len(aes_key) % 4))
        opened = bytes(WeChatCipher(key, key[:16]).decrypt(data))
    except Exception as error:  # noqa: BLE001 - broken ciphertext raises whatever it likes
        raise Malformed(f"the attachment cannot be opened: {type(error).__name__}") from None
    padding = opened[-1:] * (opened[-1] if opened else 0)
    if not 1 <= len(padding) <= _BLOCK or not opened.endswith(padding):
        raise Malformed("the attachment cannot be opened: its padding is wrong")
    return opened[: -len(padding)]


def signed(*parts: str) -> str:
    """SHA-1 over the sorted parts, in hex."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324 - their protocol


def fresh(stamp: str, now: datetime) -> bool:
    """Whether seconds since 1970 are close to now."""
    at = instant_of(stamp)
    return at is not None and abs(now - at) <= FRESH_FOR


def instant_of(stamp: str) -> datetime | None:
    """The instant so many seconds after 1970; None for what is no such number."""
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 12):  # noqa: PLR2004 - seconds
        return None
    return datetime.fromtimestamp(int(stamp), UTC)


def fields_of(body: bytes) -> Fields:
    """The fields of an ``<xml>`` message.

    Raises:
        Malformed: it is none, brings a document type (entities could explode), or more elements
            than any message has: a megabyte of them takes a second to read, and whoever knocks
            may send it, for the signature is inside.
    """
    if len(body) > _LARGEST or max(body.count(b"<"), body.count(b"=")) > _MARKS:
        raise Malformed("more XML than any message has")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Malformed("a document type in the XML")
    try:
        found = xmltodict.parse(body, disable_entities=True)
    except (ExpatError, ValueError, RecursionError) as error:
        raise Malformed(f"not XML: {type(error).__name__}") from None
    fields = found.get("xml") if isinstance(found, dict) else None
    if not isinstance(fields, dict):
        raise Malformed("no <xml> in the body")
    return fields


def object_of(body: bytes) -> Fields:
    """The fields of a JSON message.

    Raises:
        Malformed: it is none.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(found, dict):
        raise Malformed("not a JSON object")
    return found


def text_of(fields: Fields, name: str, *, needed: bool = False) -> str:
    """A field as text; one that is missing is empty.

    Raises:
        Malformed: it is needed and missing, or not a text.
    """
    found = fields.get(name)
    if found is None and not needed:
        return ""
    if not isinstance(found, str) or (needed and not found):
        raise Malformed(f"{name} is missing or no text")
    return found.replace("\x00", "")


def xml_of(fields: Mapping[str, str | int]) -> str:
    """Fields as the platforms' XML."""
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())
    return f"<xml>{inner}</xml>"
