"""Short messages over loopback: signed calls, what refusals mean, whose pushes are taken."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bots.channel import Anomalous, ChannelError, Refused, Retry
from bots.gateway.adapter import Callback, Forged, Switchboard
from bots.sms.adapter import ShortMessages
from bots.sms.signing import authorization
from tests.unit.bots.test_sms_reading import REPORT, UP
from workflow.records import Card, ChatRef, Inbound, Outgoing

SECRET = "a-secret-of-the-push"


class Account:
    """The API, which checks the signature of what it gets."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {"Code": "OK", "BizId": "9006^0"}
        self.asked: list[dict[str, str]] = []
        self.told: list[str] = []
        self.said: list[Inbound] = []

    async def api(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        given = request.headers["Authorization"]
        names = cast("re.Match[str]", re.search("SignedHeaders=([^,]+)", given))[1].split(";")
        signed = {name: request.headers[name] for name in names}
        wanted = authorization(
            "POST", "/", query, signed, access_key_id="id", access_key_secret="key"
        )
        if given != wanted:
            return web.json_response({"Code": "SignatureDoesNotMatch"}, status=400)
        self.asked.append(query)
        return web.json_response(self.answer)

    async def tell(self, code: str, _facts: object) -> None:
        self.told.append(code)

    async def admit(self, inbound: Inbound) -> None:
        self.said.append(inbound)

    def channel(self, http: ClientSession, address: str, key: str = "key") -> ShortMessages:
        none = cast("Any", None)
        board = Switchboard(
            "demo", self.admit, http, none, none, lambda: datetime.now(UTC), tell=self.tell
        )
        return ShortMessages(
            board,
            "id",
            key,
            sign_name="安居 联修",
            template="SMS_1",
            template_fields={"number": "number", "text": "text"},
            hook_secret=SECRET,
            address=address,
        )


async def sent(account: Account, to: str = "+8613712345678", key: str = "key") -> str:
    app = web.Application()
    app.router.add_post("/", account.api)
    async with TestServer(app) as server, ClientSession() as http:
        channel = account.channel(http, str(server.make_url("")).rstrip("/"), key)
        card = Card("c", "WO-20261123-0001", "处理中")
        receipt = await channel.send(Outgoing("demo", ChatRef("sms", to), "已派 单+1", "k", card))
    return receipt.message_id


async def test_a_template_goes_out_signed_with_the_cards_facts() -> None:
    account = Account()
    assert await sent(account) == "9006^0"
    (asked,) = account.asked
    assert (asked["PhoneNumbers"], asked["SignName"]) == ("13712345678", "安居 联修")
    assert asked["OutId"] == "k"
    filled = json.loads(asked["TemplateParam"])
    assert filled == {"number": "WO-20261123-0001", "text": "已派 单+1"}


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", Retry, []),
        ("Throttling.User", Retry, []),
        ("isv.MOBILE_NUMBER_ILLEGAL", Refused, []),
        ("isv.BLACK_KEY_CONTROL_LIMIT", Refused, []),
        ("isv.AMOUNT_NOT_ENOUGH", Refused, ["sms_money"]),
        ("isv.SMS_TEMPLATE_ILLEGAL", Refused, ["sms_template"]),
        ("isp.SYSTEM_ERROR", Anomalous, []),
    ],
)
async def test_what_a_code_means(code: str, kind: type[ChannelError], told: list[str]) -> None:
    account = Account()
    account.answer = {"Code": code, "Message": "触发分钟级流控Permits:1"}
    with pytest.raises(kind):
        await sent(account)
    assert account.told == told


async def test_a_wrong_key_and_a_wrong_number_are_refused() -> None:
    account = Account()
    with pytest.raises(Refused):
        await sent(account, key="another")
    with pytest.raises(Refused):
        await sent(account, to="13712345678,13712345679")
    assert (account.asked, account.told) == ([], ["sms_key"])


async def test_only_pushes_with_the_secret_are_taken() -> None:
    account = Account()
    body = json.dumps([UP, REPORT]).encode()
    async with ClientSession() as http:
        channel = account.channel(http, "http://127.0.0.1:9")
        for query in ({}, {"secret": "é"}):
            with pytest.raises(Forged):
                await channel.receive(Callback("POST", query, {}, body))
        answer = await channel.receive(Callback("POST", {"secret": SECRET}, {}, body))
    assert json.loads(answer.body)["code"] == 0
    assert [one.text for one in account.said] == ["空调不制冷"]
