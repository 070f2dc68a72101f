"""DingTalk's API: tokens, sending, cards, files; partial failures and bans in our own words.

Source: https://open.dingtalk.com/document/orgapp/ (obtain-the-access_token-of-an-internal-app,
the-robot-sends-a-group-message, chatbots-send-one-on-one-chat-messages-in-batches,
create-and-deliver-cards, interactive-card-update-interface, download-the-file-content-of-the-robot-
receiving-message).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from bots.channel import Anomalous, Barred, Refused, Retry
from bots.dingtalk.reading import CHANNEL
from bots.gateway.api import Api, Response
from bots.gateway.tokens import Tokens

BANNED_FOR: Final = timedelta(minutes=5)
"""An address that calls too often is shut out for so long, with HTML or a bare status 1111."""
_SLOW: Final = timedelta(seconds=60)
_TOO_FAST: Final = timedelta(minutes=10)
_DEAD: Final = ("InvalidAuthentication", "40014", "42001", "88")
_BARRED: Final = (
    "Forbidden.AccessDenied.IpNotInWhiteList",
    "60020",
    "invalidClientIdOrSecret",
)
_BUSY: Final = (
    "Forbidden.AccessDenied.Qps",
    "Forbidden.AccessDenied.Qpm",
    "send.too.fast",
    "send.byToken.tooFast",
    "90002",
)
_WEBHOOK_BUSY: Final = frozenset({130101, 410100})


class Calls:
    """One application's calls."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        tokens: Tokens,
        client_id: str,
        client_secret: str,
        address: str,
        old_address: str,
    ) -> None:
        self._api = Api(CHANNEL, http, address)
        self._old = Api(CHANNEL, http, old_address)
        self._http = http
        self._tokens = tokens
        self._id = client_id
        self._secret = client_secret

    async def token(self) -> tuple[str, timedelta]:
        """A new access token, and how long it lives."""
        asked = {"appKey": self._id, "appSecret": self._secret}
        answer = await self._api.call("POST", "/v1.0/oauth2/accessToken", payload=asked)
        found = _answer(answer)
        token, life = found.get("accessToken"), found.get("expireIn")
        if not isinstance(token, str) or not isinstance(life, int):
            raise Anomalous(CHANNEL, "a token without its life")
        return token, timedelta(seconds=life)

    async def call(self, method: str, path: str, payload: object) -> Mapping[str, Any]:
        """A call with a token, renewed once if it is dead.

        Raises:
            ChannelError: see the contract.
        """
        token = await self._tokens.get(self._id, self.token)
        answer = await self._sent(method, path, payload, token)
        if _code(answer).startswith(_DEAD):
            token = await self._tokens.renew(self._id, token, self.token)
            answer = await self._sent(method, path, payload, token)
        return _answer(answer)

    async def _sent(self, method: str, path: str, payload: object, token: str) -> Response:
        headers = {"x-acs-dingtalk-access-token": token}
        return await self._api.call(method, path, payload=payload, headers=headers)

    async def open_stream(self, topics: Mapping[str, str]) -> tuple[str, str]:
        """Where to connect for a stream, and the ticket for it."""
        asked = {
            "clientId": self._id,
            "clientSecret": self._secret,
            "subscriptions": [{"type": kind, "topic": topic} for topic, kind in topics.items()],
            "ua": "paidan",
        }
        answer = await self._api.call("POST", "/v1.0/gateway/connections/open", payload=asked)
        found = _answer(answer)
        endpoint, ticket = found.get("endpoint"), found.get("ticket")
        if not isinstance(endpoint, str) or not isinstance(ticket, str):
            raise Anomalous(CHANNEL, "a stream without an endpoint")
        return endpoint, ticket

    async def to_group(self, robot: str, group: str, key: str, param: Mapping[str, str]) -> str:
        """Words into a group; nobody can be called this way."""
        payload = {
            "robotCode": robot,
            "openConversationId": group,
            "msgKey": key,
            "msgParam": json.dumps(param, ensure_ascii=False),
        }
        found = await self.call("POST", "/v1.0/robot/groupMessages/send", payload)
        return str(found.get("processQueryKey", ""))

    async def to_person(self, robot: str, who: str, key: str, param: Mapping[str, str]) -> str:
        """Words to one member; the answer may be 200 and still name them as not reached."""
        payload = {
            "robotCode": robot,
            "userIds": [who],
            "msgKey": key,
            "msgParam": json.dumps(param, ensure_ascii=False),
        }
        found = await self.call("POST", "/v1.0/robot/oToMessages/batchSend", payload)
        if who in (found.get("flowControlledStaffIdList") or []):
            raise Retry(CHANNEL, "too many messages to this member", after=_SLOW)
        if who in (found.get("invalidStaffIdList") or []):
            raise Refused(CHANNEL, "no such member, or the robot is not visible to them")
        return str(found.get("processQueryKey", ""))

    async def to_webhook(self, address: str, message: Mapping[str, Any]) -> None:
        """Words by a web address that is a secret: a session's, or a group's own robot's."""
        api = Api(CHANNEL, self._http, address)
        answer = await api.call("POST", "", payload=message)
        found = _object(answer)
        code = found.get("errcode", 0)
        if code in _WEBHOOK_BUSY or found.get("status") == _SHUT_OUT:
            raise Retry(CHANNEL, f"{code} too many messages into this group", after=_TOO_FAST)
        if code != 0:
            raise Refused(CHANNEL, f"{code} {str(found.get('errmsg', ''))[:200]}")

    def group_robot(self, token: str, secret: str, now: datetime) -> str:
        """The address of a group's own robot, signed for now."""
        stamp = str(int(now.timestamp() * 1000))
        query = {"access_token": token}
        if secret:
            query |= {"timestamp": stamp, "sign": sign(secret, stamp)}
        return str(self._old.at("/robot/send", query))

    async def download_url(self, robot: str, code: str) -> str:
        """Where an attachment lies, for minutes."""
        payload = {"downloadCode": code, "robotCode": robot}
        found = await self.call("POST", "/v1.0/robot/messageFiles/download", payload)
        url = found.get("downloadUrl")
        if not isinstance(url, str):
            raise Refused(CHANNEL, "the attachment is gone")
        return url


_SHUT_OUT: Final = 1111


def sign(secret: str, stamp: str) -> str:
    """HMAC-SHA256 over time and secret, in base64."""
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def press_secret(secret: str) -> str:
    """What presses are signed with, made of the client's secret: the platform is told it when the
    address for presses is registered.
    """
    return hashlib.sha256(f"presses:{secret}".encode()).hexdigest()[:32]


def _object(answer: Response) -> Mapping[str, Any]:
    """The JSON of an answer; anything else is how they shut an address out."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Retry(CHANNEL, f"HTTP {answer.status} without JSON: shut out", after=BANNED_FOR)
    return found


def _code(answer: Response) -> str:
    return str(_object(answer).get("code", ""))


def _answer(answer: Response) -> Mapping[str, Any]:
    found = _object(answer)
    code = str(found.get("code", ""))
    if found.get("status") == _SHUT_OUT:
        raise Retry(CHANNEL, "1111 shut out for calling too often", after=BANNED_FOR)
    if code.startswith(_BUSY):
        raise Retry(CHANNEL, code, after=_SLOW)
    if code.startswith(_DEAD):
        raise Barred(CHANNEL, f"{code}: client id or secret")
    if answer.status >= HTTPStatus.BAD_REQUEST:
        why = f"{code or answer.status} {str(found.get('message', ''))[:300]}"
        refusal = Barred if code.startswith(_BARRED) else Refused
        raise refusal(CHANNEL, why + _lacking(found))
    return found


def _lacking(found: Mapping[str, Any]) -> str:
    """The permissions an answer asks for beside its words, in brackets."""
    named = ("accessdenieddetail", "AccessDeniedDetail")
    detail: Mapping[str, Any] = next(
        (found[name] for name in named if isinstance(found.get(name), dict)), {}
    )
    scopes = detail.get("requiredScopes")
    return f" [{','.join(map(str, scopes))}]" if isinstance(scopes, list) and scopes else ""
