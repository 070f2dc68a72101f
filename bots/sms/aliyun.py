"""Alibaba Cloud's short message service (阿里云短信服务), called as its own SDK calls it.

Sources: SendSms, GetSmsTemplate and GetSmsSign of version 2017-05-25 as
``alibabacloud_dysmsapi20170525`` has them; QuerySmsTemplate and QuerySmsSign are switched off
(help.aliyun.com/document_detail/419289).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from http import HTTPStatus
from typing import Any, Final

from bots.channel import ChannelError, Refused
from bots.degrade import APART
from bots.gateway.adapter import Answer, Callback, Finding, Forged
from bots.gateway.api import Api
from bots.gateway.hints import address_in
from bots.sms.aliyun_codes import advice, failure
from bots.sms.aliyun_pushes import pushed
from bots.sms.aliyun_values import value
from bots.sms.provider import CHANNEL, NO_NUMBER, Pushed
from bots.sms.signing import authorization

ADDRESS: Final = "https://dysmsapi.aliyuncs.com"
VERSION: Final = "2017-05-25"
APPROVED: Final = "1"
"""Of TemplateStatus and SignStatus; 0 is being looked at, 2 refused, 10 withdrawn."""
FILED: Final = "1"
"""Of RegisterResult: carriers stop what is signed by a name that is not."""
ANYTHING: Final = "others"
"""The only kind of variable (变量属性 其他) that takes free words."""
PATIENCE: Final = 700
"""Milliseconds the service waits for a push to be taken."""
_KIND: Final = "application/x-www-form-urlencoded"
"""Whatever kind is sent has to be signed, and the HTTP client sends one of its own otherwise."""
_TAKEN: Final = json.dumps({"code": 0, "msg": "成功"}, ensure_ascii=False).encode()


class Aliyun:
    """One account with one signature and one template.

    Args:
        api: Calls the service.
        now: Real time.
        access_key_id: Of a RAM user who may send.
        access_key_secret: Theirs.
        sign_name: The approved signature.
        template: The approved template's code.
        template_fields: Which of its variables get which fact.
        hook_secret: What pushes carry as ``?secret=``, for they are not signed.
        door: Calls our own door for pushes; None where nobody outside can.
    """

    def __init__(
        self,
        api: Api,
        now: Callable[[], datetime],
        access_key_id: str,
        access_key_secret: str,
        *,
        sign_name: str,
        template: str,
        template_fields: Mapping[str, str],
        hook_secret: str,
        door: Api | None = None,
    ) -> None:
        self._api = api
        self._now = now
        self._key = access_key_id
        self._secret = access_key_secret
        self._sign_name = sign_name
        self._template = template
        self._template_fields = template_fields
        self._hook_secret = hook_secret
        self._door = door

    @property
    def taken(self) -> Answer:
        """200 with a number as ``code``, within 700 ms, or it is pushed again, three times."""
        return Answer(_TAKEN, "application/json")

    def read(self, callback: Callback) -> Pushed:
        """A batch of texts or reports.

        Raises:
            Forged, Malformed: see :class:`~bots.sms.provider.Provider`.
        """
        given = callback.query.get("secret", "")
        if not compare_digest(given.encode(), self._hook_secret.encode()):
            raise Forged("the secret of the push is wrong")
        return pushed(callback.body)

    async def send(self, number: str, facts: Mapping[str, str], key: str) -> str:
        """By the template; see :class:`~bots.sms.provider.Provider`."""
        filled = {
            name: value(facts[what], APART if what == "reply" else "")
            for name, what in self._template_fields.items()
        }
        asked = {
            "PhoneNumbers": number.removeprefix("+"),
            "SignName": self._sign_name,
            "TemplateCode": self._template,
            "TemplateParam": json.dumps(filled, ensure_ascii=False),
            "OutId": key,
        }
        found = await self._call("SendSms", asked)
        return str(found.get("BizId") or key)

    async def _call(self, action: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        headers = {
            "host": self._api.at("").authority,
            "content-type": _KIND,
            "x-acs-action": action,
            "x-acs-version": VERSION,
            "x-acs-date": self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        }
        headers["authorization"] = authorization(
            "POST",
            "/",
            query,
            headers,
            access_key_id=self._key,
            access_key_secret=self._secret,
        )
        found = await self._api.json("POST", "/", query=query, headers=headers)
        if found.get("Code") != "OK":
            raise failure(str(found.get("Code", "")), str(found.get("Message", "")))
        return found

    # --- health -------------------------------------------------------------------------------

    async def check(self) -> Sequence[Finding]:
        """Our door for pushes, the key, the template and its variables, the signature and whether
        it is filed. Whether the account has money is known only to SendSms.
        """
        return [*await self._of_pushes(), *await self._of_account()]

    async def _of_pushes(self) -> list[Finding]:
        """An empty push to our own door. Who does not get there at all is told by the knock."""
        if self._door is None:
            return []
        begun = time.monotonic()
        try:
            answer = await self._door.call(
                "POST", "", query={"secret": self._hook_secret}, payload=[]
            )
        except ChannelError:
            return []
        took = str(round((time.monotonic() - begun) * 1000))
        if answer.status == HTTPStatus.FORBIDDEN:
            return [Finding("fail", "sms_push_refused", (str(answer.status),))]
        if answer.status != HTTPStatus.OK or answer.body != _TAKEN:
            return []
        if int(took) > PATIENCE:
            return [Finding("warn", "sms_push_slow", (took,))]
        return [Finding("ok", "sms_push_good", (took, str(self._door.at(""))))]

    async def _of_account(self) -> list[Finding]:
        try:
            template = await self._call("GetSmsTemplate", {"TemplateCode": self._template})
        except ChannelError as error:
            return [self.explain(error)]
        found = [Finding("ok", "sms_key_good"), *self._of_template(template)]
        try:
            sign = await self._call("GetSmsSign", {"SignName": self._sign_name})
        except ChannelError as error:
            return [*found, self.explain(error)]
        return [*found, *self._of_sign(sign)]

    def explain(self, refusal: ChannelError) -> Finding:
        """What to click after a refusal."""
        if refusal.why == NO_NUMBER:
            return Finding("fail", "sms_number", ("-",))
        what = advice(refusal.why.partition(" ")[0])
        if what == "address":
            return Finding("fail", "sms_address", (address_in(refusal.why) or "?", refusal.why))
        if not what and not isinstance(refusal, Refused):
            return Finding("fail", "channel_failed", (CHANNEL, refusal.why))
        return Finding("fail", f"sms_{what or 'refused'}", (refusal.why,))

    def _of_sign(self, sign: Mapping[str, Any]) -> list[Finding]:
        if str(sign.get("SignStatus")) != APPROVED:
            return [Finding("fail", "sms_sign", (self._sign_name,))]
        if str(sign.get("RegisterResult")) != FILED:
            return [Finding("warn", "sms_sign_unfiled", (self._sign_name,))]
        return [Finding("ok", "sms_sign_good", (self._sign_name,))]

    def _of_template(self, template: Mapping[str, Any]) -> list[Finding]:
        if str(template.get("TemplateStatus")) != APPROVED:
            return [Finding("fail", "sms_template", (self._template,))]
        content = str(template.get("TemplateContent", ""))
        wrong = [name for name in self._template_fields if f"${{{name}}}" not in content]
        rest = content
        for name in self._template_fields:
            rest = rest.replace(f"${{{name}}}", "")
        if wrong or "${" in rest:
            return [Finding("fail", "sms_template_fields", ("、".join(wrong) or "-", content))]
        if narrow := _narrow(template.get("VariableAttribute"), self._template_fields):
            return [Finding("warn", "sms_template_kind", ("、".join(narrow),))]
        return [Finding("ok", "sms_template_good", (self._template,))]


def _narrow(kinds: object, fields: Mapping[str, str]) -> list[str]:
    """The variables that do not take free words, as far as the template says."""
    try:
        known = json.loads(kinds) if isinstance(kinds, str) else {}
    except (ValueError, RecursionError):
        return []
    if not isinstance(known, dict):
        return []
    return [name for name in fields if known.get(name, ANYTHING) != ANYTHING]
