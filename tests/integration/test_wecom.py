"""What only 企业微信's application has: sealed callbacks, one-shot codes, choices on a card, quotas
that nobody tells us about.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from wechatpy.enterprise import WeChatClient
from wechatpy.exceptions import WeChatClientException

from bots.channel import Refused, Retry
from bots.gateway.adapter import Adapter
from paidan.cli import app
from paidan.doctor import say
from tests.vendors import judges
from tests.vendors.ear import Ear
from tests.vendors.platform import TENANT, Shown, Town, town
from tests.vendors.wecom import AES_KEY, AGENT, CORP_ID, SECRET, TOKEN, FakeWecom, xml
from tests.waiting import wait_until
from workflow.records import Action, Button, Card, ChatRef, Outgoing
from workflow.states import State

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(FakeWecom(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def wecom(there: Town) -> FakeWecom:
    assert isinstance(there.platform, FakeWecom)
    return there.platform


@pytest.fixture
def adapter(there: Town) -> Adapter:
    return there.parts.adapters["wecom"]


async def offered(there: Town, wecom: FakeWecom) -> tuple[Any, Shown]:
    """A reported fault, and its card before the engineer."""
    await wecom.says("anna", FAULT, "customer:anna")
    order = await there.until_order(lambda o: bool(o.assignee))
    card = await there.until_shown(f"staff:{order.assignee}", lambda s: "接单" in s.buttons)
    return order, card


def outgoing(text: str = "到了吗", **more: Any) -> Outgoing:
    return Outgoing("demo", ChatRef("wecom", "anna", "direct"), text, "key", **more)


# --- the door ---------------------------------------------------------------------------------


async def test_the_address_check_is_answered_with_the_bare_words(
    there: Town, wecom: FakeWecom
) -> None:
    given = {"key": AES_KEY, "token": TOKEN, "corp": CORP_ID, "at": str(int(time.time()))}
    judged = await asyncio.to_thread(
        judges.run,
        """
        const { encrypt, getSignature } = require('@wecom/crypto');
        const echostr = encrypt(given.key, '1616140317555161061', given.corp);
        const msg_signature = getSignature(given.token, given.at, '7', echostr);
        console.log(JSON.stringify({ echostr, msg_signature, timestamp: given.at, nonce: '7' }));
        """,
        given,
    )
    async with wecom.http.get(wecom.hook, params=judged) as response:
        assert (response.status, await response.read()) == (200, b"1616140317555161061")
    async with wecom.http.get(wecom.hook, params={**judged, "nonce": "8"}) as response:
        assert response.status == 403


@pytest.mark.parametrize(
    "plain",
    [
        "not xml",
        "<xml></xml>",
        "<a/>",
        "<xml><MsgType>text</MsgType></xml>",
        "<xml><MsgType>event</MsgType></xml>",
        "<xml><MsgType>text</MsgType><FromUserName>a</FromUserName><CreateTime>x</CreateTime></xml>",
        "<xml><MsgType>event</MsgType><Event>template_card_event</Event></xml>",
        '<!DOCTYPE a [<!ENTITY b "c">]><xml><MsgType>text</MsgType></xml>',
    ],
)
async def test_genuine_nonsense_is_refused_not_crashed_on(
    there: Town, wecom: FakeWecom, plain: str
) -> None:
    query, body = wecom.sealed(plain)
    async with wecom.http.post(wecom.hook, params=query, data=body) as response:
        assert response.status == 400
    assert await there.orders() == []


async def test_what_is_old_forged_or_for_others_is_refused(there: Town, wecom: FakeWecom) -> None:
    plain = xml(wecom.event("anna", MsgType="text", Content=FAULT, MsgId="1"))
    old = wecom.sealed(plain, int(time.time()) - 3600)
    query, body = wecom.sealed(plain)
    forged = ({**query, "msg_signature": "0" * 40}, body)
    wecom.crypto._id = "ww-somebody-else"
    for given, sent in (old, forged, wecom.sealed(plain)):
        async with wecom.http.post(wecom.hook, params=given, data=sent) as response:
            assert response.status == 403
    assert await there.orders() == []


@pytest.mark.parametrize("event", ["enter_agent", "subscribe", "kf_msg_or_event", "never_heard_of"])
async def test_events_of_no_use_are_taken_and_forgotten(
    there: Town, wecom: FakeWecom, event: str
) -> None:
    fields = wecom.event("anna", MsgType="event", Event=event)
    del fields["FromUserName"]
    assert await wecom.tell(fields) == [200]
    assert await there.orders() == []


# --- cards ------------------------------------------------------------------------------------


async def test_a_press_repaints_the_card_with_its_own_code(there: Town, wecom: FakeWecom) -> None:
    order, card = await offered(there, wecom)
    assert await wecom.presses(order.assignee, card, "接单", times=3) == [200] * 3
    moved = await there.until_shown(
        f"staff:{order.assignee}", lambda s: s.id == card.id and "到场" in s.buttons
    )
    assert moved.edits == 1
    await wecom.presses(order.assignee, moved, "到场")
    await there.until_shown(
        f"staff:{order.assignee}", lambda s: s.id == card.id and "完成" in s.buttons
    )


async def test_two_buttons_pressed_in_one_second_are_two_presses(
    there: Town, wecom: FakeWecom, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, card = await offered(there, wecom)
    second = time.time()
    monkeypatch.setattr(time, "time", lambda: second)
    await wecom.presses(order.assignee, card, "接单")
    moved = await there.until_shown(
        f"staff:{order.assignee}", lambda s: s.id == card.id and "到场" in s.buttons
    )
    await wecom.presses(order.assignee, moved, "到场")
    assert await there.until_order(lambda o: o.arrived_at is not None)


async def test_choices_stand_on_the_card_and_one_can_go_back(there: Town, wecom: FakeWecom) -> None:
    order, card = await offered(there, wecom)
    chat = f"staff:{order.assignee}"
    await wecom.presses(order.assignee, card, "拒单")
    asked = await there.until_shown(chat, lambda s: "确定" in s.buttons)
    await wecom.presses(order.assignee, asked, "返回")
    back = await there.until_shown(chat, lambda s: s.id == card.id and "拒单" in s.buttons)
    await wecom.presses(order.assignee, back, "拒单")
    asked = await there.until_shown(chat, lambda s: "确定" in s.buttons)
    options = [o["text"] for o in asked.raw["button_selection"]["option_list"]]
    assert len(options) >= 3
    await wecom.presses(order.assignee, asked, "确定", option=options[1])
    after = await there.until_order(lambda o: o.assignee != order.assignee or o.sub != order.sub)
    history = await there.parts.store.read("demo", lambda uow: uow.orders.history(after.id))
    assert options[1] in str([event.data for event in history])


async def test_a_button_that_wants_words_says_how(there: Town, wecom: FakeWecom) -> None:
    order, card = await offered(there, wecom)
    chat = f"staff:{order.assignee}"
    await wecom.presses(order.assignee, card, "接单")
    await wecom.presses(
        order.assignee, await there.until_shown(chat, lambda s: "到场" in s.buttons), "到场"
    )
    done = await there.until_shown(chat, lambda s: "完成" in s.buttons)
    await wecom.presses(order.assignee, done, "完成")
    told = await there.until_shown(chat, lambda s: "请回复" in s.text)
    assert "完成 1" in told.text


CARD = Card("k", "WO-1 空调", buttons=(Button("接单", Action("accept", "o1")),))


async def test_without_a_code_only_news_to_press_brings_a_new_card(
    wecom: FakeWecom, adapter: Adapter
) -> None:
    first = await adapter.send(outgoing("", card=CARD))
    shown = wecom.shown("customer:anna")[0]
    repainted = Card("k", "WO-1 空调", "处理中", buttons=CARD.buttons)
    await adapter.send(outgoing("", card=repainted, previous=first.message_id))
    assert (shown.edits, len(wecom.shown("customer:anna"))) == (1, 1)
    again = Card("k", "WO-1 空调", "到场", buttons=CARD.buttons)
    receipt = await adapter.send(outgoing("", card=again, previous=first.message_id))
    assert (receipt.message_id, receipt.degraded != "") == (first.message_id, True)
    other = Card("k", "WO-1 空调", buttons=(Button("完成", Action("complete", "o1")),))
    receipt = await adapter.send(outgoing("", card=other, previous=first.message_id))
    assert receipt.message_id != first.message_id
    assert [s.buttons for s in wecom.shown("customer:anna")] == [("接单",), ("完成",)]
    updates = [path for path, _ in wecom.calls if path == "message/update_template_card"]
    assert len(updates) == 1  # a used code is not even tried


async def test_a_code_is_good_for_72_hours(wecom: FakeWecom, adapter: Adapter) -> None:
    first = await adapter.send(outgoing("", card=CARD))
    wecom.away = 72 * 3600 + 1
    other = Card("k", "WO-1 空调", buttons=(Button("完成", Action("complete", "o1")),))
    receipt = await adapter.send(outgoing("", card=other, previous=first.message_id))
    assert receipt.message_id != first.message_id


async def test_a_card_nobody_remembers_is_refused_so_that_a_fresh_one_goes(
    wecom: FakeWecom, adapter: Adapter
) -> None:
    with pytest.raises(Refused):
        await adapter.send(outgoing("", card=CARD, previous="unknown"))


async def test_ten_choices_and_long_words_stay_within_the_card(
    wecom: FakeWecom, adapter: Adapter
) -> None:
    names = tuple((f"s{n}", f"第{n}位很长很长很长的姓名") for n in range(14))
    button = Button("转派", Action("reassign", "o1"), ask="staff", choices=names, command="转派 1")
    fields = tuple((f"字段{n}", "长" * (n * 9)) for n in range(9))
    card = Card("k", "长" * 90, "中" * 90, fields=fields, buttons=(button,), body="身" * 900)
    await adapter.send(outgoing("", card=card))
    shown = wecom.shown("customer:anna")[0]
    await wecom.presses("anna", shown, "转派")

    async def asked() -> bool:
        return "确定" in shown.buttons

    await wait_until(asked)
    assert len(shown.raw["button_selection"]["option_list"]) == 10
    assert "转派 1" in shown.text


# --- speaking ---------------------------------------------------------------------------------


async def test_long_words_are_cut_between_characters(wecom: FakeWecom, adapter: Adapter) -> None:
    words = "🔥空调坏了" * 300
    await adapter.send(outgoing(words))
    assert "".join(s.text for s in wecom.shown("customer:anna")) == words


async def test_nothing_is_ever_dropped_silently(wecom: FakeWecom, adapter: Adapter) -> None:
    for _ in range(30):
        await adapter.send(outgoing())
    with pytest.raises(Retry) as busy:
        await adapter.send(outgoing())
    assert 0 < busy.value.after.total_seconds() <= 60
    assert wecom.dropped == []


async def test_a_dead_token_is_renewed_once_by_all_who_find_it(
    wecom: FakeWecom, adapter: Adapter
) -> None:
    await adapter.send(outgoing())
    wecom.new_token()
    await asyncio.gather(*(adapter.send(outgoing()) for _ in range(10)))
    assert wecom.fetched == 2
    assert len(wecom.shown("customer:anna")) == 11


async def test_a_stranger_is_refused_for_good(wecom: FakeWecom, adapter: Adapter) -> None:
    wecom.strangers.add("anna")
    with pytest.raises(Refused, match="81013"):
        await adapter.send(outgoing())


async def test_groups_of_the_application_hear_words(wecom: FakeWecom, adapter: Adapter) -> None:
    group = ChatRef("wecom", wecom.chat("group:home"), "group")
    with pytest.raises(Refused, match="86001"):
        await adapter.send(Outgoing("demo", group, "有新单", "k"))
    wecom.app_chats.add(group.chat)
    await adapter.send(Outgoing("demo", group, "有新单 <a href='x'>点</a>", "k"))
    assert "<a" not in wecom.shown("group:home")[0].text


async def test_a_photo_is_fetched_and_stands_on_the_work_order(
    there: Town, wecom: FakeWecom
) -> None:
    wecom.files["media1"] = (PNG, "现场.png")
    await wecom.says("anna", FAULT, "customer:anna")
    await there.until_order()
    fields = wecom.event("anna", MsgType="image", PicUrl="http://x", MediaId="media1", MsgId="99")
    assert await wecom.tell(fields) == [200]
    order = await there.until_order(lambda o: bool(o.media))
    blob = order.media[0].blob
    assert blob is not None
    assert await there.parts.store.blobs.get(blob) == (PNG, "image/png")


async def test_a_place_is_heard_as_words(there: Town, wecom: FakeWecom) -> None:
    spot = {"Location_X": "31.23", "Location_Y": "121.50", "Scale": "15", "Label": "3栋空调坏了"}
    await wecom.tell(wecom.event("anna", MsgType="location", MsgId="98", **spot))
    assert "3栋" in (await there.until_order()).text


# --- health -----------------------------------------------------------------------------------


async def test_the_doctor_says_what_to_click(wecom: FakeWecom, adapter: Adapter) -> None:
    assert [say(finding) for finding in await adapter.check()] == ["✓ 企业微信应用「派单」可用"]
    wecom.allowed_ip = False
    (finding,) = await adapter.check()
    assert "203.0.113.9" in say(finding)
    assert "企业可信IP" in say(finding)
    assert "企业可信IP" in say(finding, "en")


# --- who judges the judge ---------------------------------------------------------------------


class Foreign(WeChatClient):
    """wechatpy's client, pointed at the fake."""

    def __init__(self, address: str) -> None:
        self.API_BASE_URL = f"{address}/cgi-bin/"
        super().__init__(CORP_ID, SECRET, timeout=5, auto_retry=False)

    def fetch_access_token(self) -> Any:
        params = {"corpid": CORP_ID, "corpsecret": SECRET}
        return self._fetch_access_token(url=f"{self.API_BASE_URL}gettoken", params=params)


async def test_wechatpys_client_finds_the_platform_it_knows(wecom: FakeWecom) -> None:
    def judge() -> None:
        client = Foreign(wecom.address)
        sent = client.message.send_text(AGENT, ["anna"], "你好")
        assert sent["errcode"] == 0
        card = {
            "card_type": "button_interaction",
            "main_title": {"title": "测试"},
            "task_id": "t-1",
            "button_list": [{"text": "接单", "style": 1, "key": "k"}],
        }
        message = {"msgtype": "template_card", "template_card": card}
        code = client.message.send(AGENT, ["anna"], msg=message)["response_code"]
        with pytest.raises(WeChatClientException):
            client.message.send(AGENT, ["anna"], msg=message)
        update = {"userids": ["anna"], "agentid": AGENT, "response_code": code}
        update["template_card"] = {**card, "main_title": {"title": "已接单"}}
        assert client.post("message/update_template_card", data=update)["errcode"] == 0
        with pytest.raises(WeChatClientException):
            client.post("message/update_template_card", data=update)
        assert client.agent.get(AGENT)["name"] == "派单"

    await asyncio.to_thread(judge)
    assert [s.text for s in wecom.shown("customer:anna")] == ["你好", "已接单"]


async def test_closed_from_first_word_to_last(there: Town, wecom: FakeWecom) -> None:
    order, card = await offered(there, wecom)
    await wecom.presses(order.assignee, card, "接单")
    await there.until_order(lambda o: o.state == State.IN_PROGRESS)
    told = await there.until_shown("customer:anna", lambda s: order.number in s.text)
    assert told.id


# --- groups of the application's own ------------------------------------------------------------


def opening(there: Town, folder: Path, *more: str) -> Any:
    """``paidan channel group wecom`` beside the running program."""
    settings = {
        "data_dir": str(folder / "data"),
        "database": {"url": f"sqlite:///{folder / 'town.db'}"},
        "tenant": TENANT,
        "channels": {"wecom": there.platform.section().model_dump()},
    }
    config = folder / "config.yaml"
    config.write_text(json.dumps(settings), "utf-8")
    asked = ["channel", "group", "wecom", "--name", "维修一组", *more, "--config", str(config)]
    return CliRunner(env={"LANG": "zh_CN.UTF-8", "LC_ALL": ""}).invoke(app, asked)


async def test_an_administrator_opens_the_engineers_group_and_it_hears_of_work(
    there: Town, wecom: FakeWecom, tmp_path: Path
) -> None:
    await wecom.says("anna", "在吗", "customer:anna")
    made = await asyncio.to_thread(
        opening, there, tmp_path, "--team", "home", "--owner", "wanglei", "--id", "home1"
    )
    assert made.exit_code == 0, made.output
    assert "groups: [wecom/home1]" in made.output
    company = await there.parts.store.read(TENANT, lambda uow: uow.company)
    assert set(wecom.members["home1"]) == {s.handles["wecom"] for s in company.members("home")}
    assert ("appchat/create", "wanglei") in [(p, b.get("owner")) for p, b in wecom.calls]
    (greeting,) = wecom.messages["home1"]
    assert "听不到回复" in greeting.text
    team = replace(company.teams["home"], groups=(ChatRef("wecom", "home1", "group"),))
    changed = replace(company, teams={**company.teams, "home": team})
    await there.parts.store.transact(TENANT, lambda uow: uow.put_company(changed))
    await wecom.says("anna", FAULT, "customer:anna")
    order = await there.until_order()

    async def told() -> bool:
        return any(order.number in shown.text for shown in wecom.messages["home1"])

    await wait_until(told)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--member", "wanglei"), "2–2000"),
        (("--member", "nobody", "--member", "wanglei"), "nobody"),
        (("--team", "home", "--id", "群-1"), "32"),
        (("--team", "home", "--owner", "zhoulan"), "owner"),
    ],
)
async def test_what_the_platform_would_not_take_is_said_before_it_is_asked(
    there: Town, wecom: FakeWecom, tmp_path: Path, more: tuple[str, ...], why: str
) -> None:
    refused = await asyncio.to_thread(opening, there, tmp_path, *more)
    assert refused.exit_code != 0
    assert why in refused.output + str(refused.exception)
    assert "appchat/create" not in [path for path, _ in wecom.calls]


async def test_an_application_that_not_everybody_sees_is_told_where_to_click(
    there: Town, wecom: FakeWecom, tmp_path: Path
) -> None:
    wecom.root_scope = False
    refused = await asyncio.to_thread(opening, there, tmp_path, "--team", "home")
    assert refused.exit_code != 0
    assert "可见范围" in refused.output + str(refused.exception)
