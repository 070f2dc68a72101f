"""Signed facts that travel through a browser: session cookies, sign-in links, action links.

A token is ``payload.signature``, both URL-safe base64; the signature (HMAC-SHA-256) also covers
the purpose, so a sign-in link never passes as a session.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from workflow.errors import NotAllowed
from workflow.records import Action, ChatRef

LOGIN_FOR = timedelta(minutes=15)
ACTION_FOR = timedelta(hours=24)
SESSION_FOR = timedelta(hours=12)
PRESS_FOR = timedelta(hours=72)


def sign(
    secret: bytes, purpose: str, facts: Mapping[str, object], expires: datetime | None = None
) -> str:
    """A token carrying JSON-able ``facts``, good for one ``purpose`` until ``expires``."""
    stamped = {**facts, "exp": expires.timestamp()} if expires else dict(facts)
    payload = _b64(json.dumps(stamped, ensure_ascii=False, separators=(",", ":")).encode())
    return f"{payload}.{_b64(_mac(secret, purpose, payload))}"


def unsign(secret: bytes, purpose: str, token: str, now: datetime) -> dict[str, object]:
    """The facts of a token.

    Raises:
        NotAllowed: ``bad_token`` (not ours, or for something else) or ``expired_token``.
    """
    payload, _, signature = token.partition(".")
    try:
        given = base64.urlsafe_b64decode(signature + "==")
    except (binascii.Error, ValueError):
        raise NotAllowed("bad_token") from None
    if not hmac.compare_digest(given, _mac(secret, purpose, payload)):
        raise NotAllowed("bad_token")
    facts: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    expires = facts.pop("exp", None)
    if isinstance(expires, int | float) and now.timestamp() > expires:
        raise NotAllowed("expired_token")
    return facts


def csrf_token(secret: bytes, visitor: str) -> str:
    """What every POST of this browser must carry."""
    return _b64(_mac(secret, "csrf", visitor))[:32]


def login_path(secret: bytes, tenant: str, staff_id: str, now: datetime) -> str:
    """The path of a sign-in link: single use, 15 minutes. ``now`` is real time."""
    facts = {"tenant": tenant, "staff": staff_id, "nonce": secrets.token_urlsafe(12)}
    return f"/login/{sign(secret, 'login', facts, now + LOGIN_FOR)}"


def alarm_token(secret: bytes, tenant: str) -> str:
    """What devices of this tenant authorise themselves with; good until the secret changes."""
    return sign(secret, "alarms", {"tenant": tenant})


def action_path(secret: bytes, tenant: str, staff_id: str, action: Action, now: datetime) -> str:
    """The path of a link that presses one button after a confirmation page: single use, 24 h."""
    facts = {
        "tenant": tenant,
        "staff": staff_id,
        "nonce": secrets.token_urlsafe(12),
        "do": action.do,
        "order": action.order,
        "expect": action.expect,
        "generation": action.generation,
        "args": dict(action.args),
    }
    return f"/do/{sign(secret, 'do', facts, now + ACTION_FOR)}"


def press_path(
    secret: bytes, tenant: str, place: ChatRef, button: tuple[str, str], now: datetime
) -> str:
    """The path of a page that presses one button of a card in this chat, after a tap there: 72 h,
    once a person. ``button`` is its label, and the string its channel knows it by.
    """
    facts = {
        "tenant": tenant,
        "place": [place.channel, place.chat, place.kind],
        "button": list(button),
        "nonce": secrets.token_urlsafe(9),
    }
    return f"/press/{sign(secret, 'press', facts, now + PRESS_FOR)}"


def photos_path(secret: bytes, tenant: str, place: ChatRef, order_id: str) -> str:
    """The path of a page with a work order's pictures, for whoever reads this chat. It is the same
    whenever it is asked for, and good as long as the work order is open and three days more.
    """
    facts = {"tenant": tenant, "place": [place.channel, place.chat], "order": order_id}
    return f"/photos/{sign(secret, 'photos', facts)}"


def _mac(secret: bytes, purpose: str, payload: str) -> bytes:
    return hmac.new(secret, f"{purpose}\n{payload}".encode(), hashlib.sha256).digest()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
