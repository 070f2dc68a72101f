"""Short messages by Alibaba Cloud (短信服务): a template out, pushes of texts and reports in.

Sources: api-dysmsapi-2017-05-25-sendsms, ...-querysmstemplate and document_detail/101346 (error
codes) of help.aliyun.com; the requests are those of ``alibabacloud_dysmsapi20170525``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from hmac import compare_digest
from typing import Any, Final

from bots.channel import Anomalous, Capabilities, ChannelError, Refused, Retry
from bots.degrade import template_facts
from bots.gateway.adapter import Answer, Callback, Fetched, Finding, Forged, Switchboard
from bots.gateway.api import Api
from bots.sms.reading import CAPABILITIES, CHANNEL, normalised, pushed
from bots.sms.signing import authorization
from workflow.records import Media, Outgoing, Receipt

ADDRESS: Final = "https://dysmsapi.aliyuncs.com"
VERSION: Final = "2017-05-25"
APPROVED: Final = "1"
_TAKEN: Final = json.dumps({"code": 0, "msg": "成功"}, ensure_ascii=False).encode()
_VALUE: Final = 20
_MENDING: Final = {
    "isv.AMOUNT_NOT_ENOUGH": "money",
    "isv.OUT_OF_SERVICE": "money",
    "isv.SMS_TEMPLATE_ILLEGAL": "template",
    "isv.TEMPLATE_MISSING_PARAMETERS": "template",
    "isv.SMS_SIGNATURE_ILLEGAL": "sign",
    "isp.RAM_PERMISSION_DENY": "rights",
    "InvalidAccessKeyId.NotFound": "key",
    "SignatureDoesNotMatch": "key",
    "InvalidTimeStamp.Expired": "clock",
}
"""What a person has to mend, by the vendor's code."""

_log = logging.getLogger(__name__)


class ShortMessages:
    """One account with one signature and one template.

    Args:
        board: What every adapter is given.
        access_key_id: Of a RAM user who may send.
        access_key_secret: Theirs.
        sign_name: The approved signature.
        template: The approved template's code.
        template_fields: Which of its variables get ``number``, ``title``, ``status``, ``text``.
        hook_secret: What pushes carry as ``?secret=``, for they are not signed.
        address: Of the API.
    """

    name = CHANNEL

    def __init__(
        self,
        board: Switchboard,
        access_key_id: str,
        access_key_secret: str,
        *,
        sign_name: str,
        template: str,
        template_fields: Mapping[str, str],
        hook_secret: str,
        address: str = ADDRESS,
    ) -> None:
        self._board = board
        self._key = access_key_id
        self._secret = access_key_secret
        self._sign_name = sign_name
        self._template = template
        self._template_fields = template_fields
        self._hook_secret = hook_secret
        self._api = Api(CHANNEL, board.http, address)

    @property
    def capabilities(self) -> Capabilities:
        """Words, one to one."""
        return CAPABILITIES

    async def receive(self, callback: Callback) -> Answer:
        """A batch of what people texted, or of reports.

        Raises:
            Forged, Malformed: it is refused.
        """
        given = callback.query.get("secret", "")
        if not compare_digest(given.encode(), self._hook_secret.encode()):
            raise Forged("the secret of the push is wrong")
        said, lost = pushed(callback.body, self._board.tenant)
        for inbound in said:
            await self._board.admit(inbound)
        for one in lost:
            self._board.count(CHANNEL, "undelivered")
            _log.warning("a short message to %s did not arrive: %s", one.number, one.code)
        return Answer(_TAKEN, "application/json")

    async def run(self) -> None:
        """The service calls us."""

    async def close(self) -> None:
        """Nothing is open."""

    async def fetch(self, media: Media) -> Fetched:
        """Short messages carry no attachments."""
        raise Refused(CHANNEL, f"no attachments here: {media.kind}")

    async def send(self, outgoing: Outgoing) -> Receipt:
        """By the template; a number that is none is refused before any call."""
        number = normalised(outgoing.to.chat)
        if not number:
            raise Refused(CHANNEL, "not a mobile number")
        asked = {
            "PhoneNumbers": number.removeprefix("+"),
            "SignName": self._sign_name,
            "TemplateCode": self._template,
            "TemplateParam": json.dumps(self._filled(outgoing), ensure_ascii=False),
            "OutId": outgoing.key,
        }
        try:
            found = await self._call("SendSms", asked)
        except Refused as no:
            if what := _MENDING.get(no.why):
                await self._board.tell(f"sms_{what}", (no.why,))
            raise
        sent = str(found.get("BizId") or outgoing.key)
        return Receipt(sent, self._board.now(), "as a short message")

    def _filled(self, outgoing: Outgoing) -> dict[str, str]:
        facts = template_facts(outgoing)
        return {name: facts[what][:_VALUE] for name, what in self._template_fields.items()}

    async def _call(self, action: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        headers = {
            "host": self._api.at("").authority,
            "x-acs-action": action,
            "x-acs-version": VERSION,
            "x-acs-date": self._board.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
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
            raise _failure(str(found.get("Code", "")), str(found.get("Message", "")))
        return found

    async def check(self) -> Sequence[Finding]:
        """Whether the key is good and the template approved and filled."""
        try:
            found = await self._call("QuerySmsTemplate", {"TemplateCode": self._template})
        except Refused as no:
            return [Finding("fail", f"sms_{_MENDING.get(no.why, 'refused')}", (no.why,))]
        except ChannelError as error:
            return [Finding("fail", "sms_refused", (error.why,))]
        if str(found.get("TemplateStatus")) != APPROVED:
            return [Finding("fail", "sms_template", (self._template,))]
        content = str(found.get("TemplateContent", ""))
        wrong = [name for name in self._template_fields if f"${{{name}}}" not in content]
        if wrong:
            return [Finding("fail", "sms_template_fields", ("、".join(wrong), content))]
        return [Finding("ok", "sms_key_good")]


def _failure(code: str, message: str) -> ChannelError:
    """What a code means for a sender."""
    if code == "isv.BUSINESS_LIMIT_CONTROL":
        minute = "分钟" in message
        return Retry(CHANNEL, code, timedelta(seconds=65) if minute else timedelta(hours=1))
    if code.startswith("Throttling"):
        return Retry(CHANNEL, code)
    if not code or (code.startswith("isp.") and code not in _MENDING):
        return Anomalous(CHANNEL, code or "an answer without a code")
    return Refused(CHANNEL, code)
