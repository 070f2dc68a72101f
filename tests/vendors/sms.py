"""Alibaba Cloud's short message service on loopback: signed calls, approved names, few a day.

It checks signatures with the vendor's own code (``alibabacloud_tea_openapi``), and the vendor's
own client calls it in ``tests/integration/test_sms.py``. It refuses in the order and with the
codes of help.aliyun.com/document_detail/101346; limits are those of document_detail/2881383.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.test_utils import TestServer
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest
from typing_extensions import override

from paidan.channels.section import ChannelSection
from paidan.channels.sms import Sms
from tests.vendors.platform import Platform, Shown

KEY_ID = "LTAI5tFakeFakeFakeFake"
KEY_SECRET = "access-key-secret-of-the-fake"
HOOK_SECRET = "a-secret-of-the-push"
SIGN = "安居联修"
TEMPLATE = "SMS_154950909"
CONTENT = "工单${number}：${text}。${reply}"
FIELDS = {"number": "number", "text": "text", "reply": "reply"}
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = 24 * 3600
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_URL = re.compile(r"https?://|www\.", re.IGNORECASE)
_NUMBER = re.compile(r"(?:\+86|0086|86|\+)?1[3-9]\d{9}")
_STRANGE = re.compile(r"[【】〖〗「」『』•①★※→體\U0001f000-\U0001faff]")


class FakeSms(Platform):
    """One account, one signature, one template, and everybody's telephone."""

    name: ClassVar[str] = "sms"
    deliveries: ClassVar[int] = 4
    rests: ClassVar[float] = 1.0
    groups: ClassVar[bool] = False
    whole: ClassVar[bool] = False
    markup: ClassVar[str] = "★【签名】 www.evil.example http://evil.example 體"

    def __init__(self) -> None:
        super().__init__()
        self.phones: dict[str, list[str]] = defaultdict(list)
        self.calls: list[dict[str, str]] = []
        self.sent_at: dict[str, list[float]] = defaultdict(list)
        self.failures: list[tuple[int, str]] = []
        self.answers: dict[str, tuple[str, str]] = {}
        self.active = True
        self.per_minute, self.per_day = 0, 50
        self.template: dict[str, Any] = {
            "TemplateStatus": "1",
            "TemplateContent": CONTENT,
            "VariableAttribute": json.dumps(dict.fromkeys(FIELDS, "others")),
        }
        self.sign: dict[str, Any] = {"SignStatus": 1, "RegisterResult": 1}
        self.now: Callable[[], float] = time.time
        self._nonces: set[str] = set()
        self._ids = itertools.count(7_000_000_000)

    @override
    async def start(self) -> None:
        app = web.Application(middlewares=[self.hanging])
        app.router.add_post("/", self._called)
        self.server = TestServer(app)
        await self.server.start_server(access_log=None)

    @override
    async def stop(self) -> None:
        self.hangs("")
        await self.server.close()

    @property
    def address(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    @override
    def section(self) -> ChannelSection:
        return Sms(
            access_key_id=KEY_ID,
            access_key_secret=KEY_SECRET,
            sign_name=SIGN,
            template=TEMPLATE,
            template_fields=FIELDS,  # type: ignore[arg-type]  # checked by pydantic
            hook_secret=HOOK_SECRET,
            address=self.address,
        )

    # --- the API ------------------------------------------------------------------------------

    async def _called(self, request: web.Request) -> web.Response:
        if refused := self._gateway(request):
            return _no(*refused)
        action, query = request.headers["x-acs-action"], dict(request.query)
        if action == "SendSms" and self.failures:
            status, body = self.failures.pop(0)
            return web.Response(status=status, text=body, content_type="application/json")
        if code := self.answers.get(action):
            return _no(*code)
        if action == "SendSms":
            return self._send(query)
        return self._told(action, query)

    def _told(self, action: str, query: dict[str, str]) -> web.Response:
        if action == "GetSmsTemplate":
            known = query.get("TemplateCode") == TEMPLATE
            return _ok(**self.template) if known else _no("isv.SMS_TEMPLATE_ILLEGAL", "模板不存在")
        if action == "GetSmsSign":
            known = query.get("SignName") == SIGN
            return _ok(**self.sign) if known else _no("isv.SMS_SIGNATURE_ILLEGAL", "签名不存在")
        return _no("InvalidAction.NotFound", "Specified api is not found.", 404)

    def _gateway(self, request: web.Request) -> tuple[str, str, int] | None:
        """What is refused before the service sees it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        if refused := self._of_key(headers):
            return refused
        if headers["authorization"] != _signature(request, headers):
            return "SignatureDoesNotMatch", "Specified signature is not matched.", 400
        nonce = headers["x-acs-signature-nonce"]
        if nonce in self._nonces:
            return "SignatureNonceUsed", "Specified signature nonce was used already.", 400
        self._nonces.add(nonce)
        return None

    def _of_key(self, headers: dict[str, str]) -> tuple[str, str, int] | None:
        if f"Credential={KEY_ID}," not in headers.get("authorization", ""):
            return "InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404
        if not self.active:
            return "InvalidAccessKeyId.Inactive", "Specified access key is disabled.", 400
        if headers.get("x-acs-version") != "2017-05-25":
            return "InvalidVersion", "Specified parameter Version is not valid.", 400
        stamp = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(stamp.timestamp() - self.now()) > 15 * 60:
            return "InvalidTimeStamp.Expired", "Specified time stamp is expired.", 400
        return None

    def _send(self, query: dict[str, str]) -> web.Response:
        self.calls.append(query)
        for refused in (self._of_account(query), self._of_words(query), self._of_number(query)):
            if refused:
                return _no(*refused)
        number = _bare(query["PhoneNumbers"])
        filled = json.loads(query["TemplateParam"])
        words = _VARIABLE.sub(lambda found: str(filled[found[1]]), self.template["TemplateContent"])
        self.phones[number].append(f"【{query['SignName']}】{words}")
        self.sent_at[number].append(self.now())
        return _ok(BizId=f"{next(self._ids)}^0")

    def _of_account(self, query: dict[str, str]) -> tuple[str, str] | None:
        if query.get("SignName") != SIGN or str(self.sign["SignStatus"]) != "1":
            return "isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名"
        if query.get("TemplateCode") != TEMPLATE or self.template["TemplateStatus"] != "1":
            return "isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板"
        return None

    def _of_words(self, query: dict[str, str]) -> tuple[str, str] | None:
        try:
            filled = json.loads(query["TemplateParam"])
        except ValueError:
            return "isv.INVALID_JSON_PARAM", "参数格式错误，请修改为字符串值"
        missing = set(_VARIABLE.findall(self.template["TemplateContent"])) - set(filled)
        if missing:
            return "isv.TEMPLATE_MISSING_PARAMETERS", "模板变量中存在未赋值变量"
        for words in filled.values():
            if not isinstance(words, str) or not 1 <= len(words) <= 35:
                return "isv.PARAM_LENGTH_LIMIT", "参数超过长度限制"
            if _URL.search(words):
                return "isv.PARAM_NOT_SUPPORT_URL", "变量不支持传入URL"
            if _STRANGE.search(words) or "\n" in words:
                return "isv.UNSUPPORTED_CONTENT", "不支持的短信内容"
        return None

    def _of_number(self, query: dict[str, str]) -> tuple[str, str] | None:
        numbers = query["PhoneNumbers"].split(",")
        if len(numbers) > 1000:
            return "isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制，最多支持1000条"
        if not all(_NUMBER.fullmatch(number) for number in numbers):
            return "isv.MOBILE_NUMBER_ILLEGAL", "手机号码格式错误"
        sent = self.sent_at[_bare(numbers[0])]
        for name, seconds, most in (("分钟", 60, self.per_minute), ("天", DAY, self.per_day)):
            if most and len([at for at in sent if at > self.now() - seconds]) >= most:
                return "isv.BUSINESS_LIMIT_CONTROL", f"触发{name}级流控Permits:{most}"
        return None

    # --- people's telephones ------------------------------------------------------------------

    @override
    def user(self, who: str) -> str:
        return f"139{int(hashlib.sha256(who.encode()).hexdigest(), 16) % 10**8:08d}"

    @override
    def chat(self, name: str) -> str:
        return self.user(name.partition(":")[2])

    async def push(self, entries: Any, times: int = 1, **query: str) -> list[int]:
        """Bring a batch to our door; what is not taken within 700 ms would come again."""

        async def bring() -> int:
            asked = {"secret": HOOK_SECRET, **query}
            async with self.http.post(self.hook, params=asked, json=entries) as response:
                if response.status == 200:
                    answer = await response.json()
                    assert isinstance(answer["code"], int)
                return response.status

        several = await asyncio.gather(*(self.brought(bring, 1) for _ in range(times)))
        return [status for answered in several for status in answered]

    def texted(self, who: str, text: str) -> dict[str, Any]:
        """An entry of SmsUp."""
        at = datetime.fromtimestamp(self.now(), SHANGHAI)
        return {
            "phone_number": self.user(who),
            "content": text,
            "send_time": f"{at:%Y-%m-%d %H:%M:%S}",
            "dest_code": "1234",
            "sequence_id": str(next(self._ids)),
        }

    def reported(self, who: str, code: str = "DELIVERED") -> dict[str, Any]:
        """An entry of SmsReport."""
        at = f"{datetime.fromtimestamp(self.now(), SHANGHAI):%Y-%m-%d %H:%M:%S}"
        return {
            "phone_number": self.user(who),
            "send_time": at,
            "report_time": at,
            "success": code == "DELIVERED",
            "err_code": code,
            "err_msg": "用户接收成功" if code == "DELIVERED" else "失败",
            "sms_size": "1",
            "biz_id": f"{next(self._ids)}^0",
            "out_id": "k",
        }

    @override
    async def says(
        self, who: str, text: str, chat: str, *, key: str = "", times: int = 1
    ) -> list[int]:
        return await self.push([self.texted(who, text)], times)

    @override
    async def sends_unknown(self) -> list[int]:
        """TemplateSmsReport, which comes by the same way."""
        audit = {"template_type": "短信通知", "template_status": "approved", "reason": ""}
        return await self.push([{**audit, "template_code": TEMPLATE, "orderId": "205101"}])

    @override
    async def sends_nonsense(self) -> list[int]:
        entry = self.texted("anna", "空调坏了")
        del entry["phone_number"]
        return await self.push([entry])

    @override
    async def presses(self, who: str, shown: Shown, label: str) -> list[int]:
        raise AssertionError("there are no buttons here")

    @override
    def shown(self, chat: str) -> list[Shown]:
        number = self.chat(chat)
        return list(_shown(number, self.phones[number]))

    @override
    def busy(self) -> None:
        limit = {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "触发分钟级流控Permits:1"}
        self.failures.append((200, json.dumps(limit)))

    @override
    def broken(self) -> None:
        self.failures.append((502, "<html>Bad Gateway</html>"))


def _signature(request: web.Request, headers: dict[str, str]) -> Any:
    """As the vendor's code makes it, over all that the caller signed or had to sign."""
    named = re.search(r"SignedHeaders=([^,]+)", headers["authorization"])
    signed = set(named[1].split(";")) if named else set()
    asked = DaraRequest()
    asked.method, asked.pathname, asked.query = request.method, "/", dict(request.query)
    asked.headers = {
        name: value
        for name, value in headers.items()
        if name in {*signed, "host", "content-type"} or name.startswith("x-acs-")
    }
    nothing = hashlib.sha256(b"").hexdigest()
    return Utils.get_authorization(asked, "ACS3-HMAC-SHA256", nothing, KEY_ID, KEY_SECRET)


def _shown(number: str, said: list[str]) -> Iterator[Shown]:
    for n, words in enumerate(said):
        yield Shown(str(n), number, words)


def _bare(number: str) -> str:
    return number[-11:]


def _no(code: str, why: str, status: int = 200) -> web.Response:
    body = {"RequestId": "EEC6F2B9-0000", "Code": code, "Message": why}
    return web.json_response(body, status=status)


def _ok(**more: Any) -> web.Response:
    return web.json_response({"RequestId": "EEC6F2B9-0000", "Code": "OK", "Message": "OK", **more})
