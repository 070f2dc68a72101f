"""What each chat platform sends, sealed and signed as it does, for an adapter's own door."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from bots.dingtalk.calls import press_secret
from bots.gateway.adapter import Callback
from bots.gateway.tencent import Envelope
from paidan.channels.section import ChannelSection
from paidan.channels.wecom_bot import WecomBot
from tests.vendors import wecom as corp
from tests.vendors.dingtalk import SECRET as DINGTALK_SECRET
from tests.vendors.dingtalk import DingTalkByHttp, sign
from tests.vendors.platform import Platform
from tests.vendors.sms import HOOK_SECRET, FakeSms
from tests.vendors.telegram import SECRET as TELEGRAM_SECRET
from tests.vendors.telegram import FakeTelegram
from tests.vendors.wechat import FakeWechat
from tests.vendors.wecom import FakeWecom
from tests.vendors.wecom_bot import FakeWecomBot
from tests.vendors.wecom_kf import FakeKf

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"


@dataclass
class Door:
    """One channel: what its platform sends (words first, new ones each time), and how that is
    sealed and signed.
    """

    platform: Platform
    payloads: Callable[[], list[Any]]
    seal: Callable[[Any], Callback]
    section: Callable[[], ChannelSection]


def wechat() -> Door:
    fake = FakeWechat()
    kinds: list[dict[str, Any]] = [
        {"MsgType": "text", "Content": FAULT},
        {"MsgType": "image", "PicUrl": "http://x", "MediaId": "m1"},
        {"MsgType": "voice", "MediaId": "m2", "Format": "amr", "Recognition": "空调坏了"},
        {"MsgType": "location", "Location_X": "23.1", "Location_Y": "113.3", "Label": "锦绣苑"},
    ]
    events = (("CLICK", "report"), ("SCAN", "a1"), ("subscribe", "qrscene_a1"))

    def payloads() -> list[Any]:
        told = [fake.message("anna", **kind) for kind in kinds]
        return told + [fake.event("anna", *event) for event in events]

    def seal(payload: Any) -> Callback:
        stamp, nonce = str(int(time.time())), "n"
        body = fake.crypto.encrypt_message(clean(xml_of(payload)), nonce, stamp)
        signature = re.search(r"<MsgSignature><!\[CDATA\[(\w+)", body)
        assert signature
        query = {"timestamp": stamp, "nonce": nonce, "encrypt_type": "aes"}
        return Callback("POST", {**query, "msg_signature": signature[1]}, body=body.encode())

    return Door(fake, payloads, seal, fake.section)


def wecom(fake: FakeWecom, kinds: list[dict[str, Any]]) -> Door:
    ids = count(1)

    def seal(payload: Any) -> Callback:
        query, body = fake.sealed(clean(xml_of(payload)))
        return Callback("POST", query, body=body.encode())

    def payloads() -> list[Any]:
        return [{**fake.event("anna"), "MsgId": str(next(ids)), **kind} for kind in kinds]

    return Door(fake, payloads, seal, fake.section)


def wecom_app() -> Door:
    fake = FakeWecom()
    press = {
        "MsgType": "event", "Event": "template_card_event", "EventKey": "k", "TaskId": "t",
        "CardType": "button_interaction", "ResponseCode": "r",
        "SelectedItems": {"SelectedItem": {"QuestionKey": "q", "OptionIds": {"OptionId": "o"}}},
    }  # fmt: skip
    kinds: list[dict[str, Any]] = [
        {"MsgType": "text", "Content": FAULT},
        {"MsgType": "image", "PicUrl": "http://x", "MediaId": "m"},
        {"MsgType": "voice", "MediaId": "m", "Format": "amr"},
        {"MsgType": "event", "Event": "click", "EventKey": "report"},
        press,
    ]
    return wecom(fake, kinds)


def wecom_kf() -> Door:
    fake = FakeKf()
    news = {"MsgType": "event", "Event": "kf_msg_or_event", "Token": "ENC", "OpenKfId": "wk"}
    return wecom(fake, [news])


def wecom_bot() -> Door:
    fake = FakeWecomBot()
    envelope = Envelope(corp.TOKEN, corp.AES_KEY, "", lambda: datetime.now(UTC))
    event = {"eventtype": "template_card_event", "template_card_event": {
        "card_type": "button_interaction", "event_key": "k", "task_id": "t",
        "selected_items": {"selected_item": [{"question_key": "q", "option_ids": {}}]}}}  # fmt: skip
    kinds: list[dict[str, Any]] = [
        {"msgtype": "text", "text": {"content": FAULT}, "response_url": "http://127.0.0.1:1/"},
        {"msgtype": "voice", "voice": {"content": "空调坏了"}},
        {"msgtype": "image", "image": {"url": "http://127.0.0.1:1/x"}},
        {
            "msgtype": "mixed",
            "mixed": {"msg_item": [{"msgtype": "text", "text": {"content": "x"}}]},
        },
        {"msgtype": "text", "text": {"content": "x"}, "quote": {"msgtype": "text", "text": {}}},
        {"msgtype": "event", "event": event},
    ]

    def payloads() -> list[Any]:
        return [fake.body("anna", "group:home", **kind) for kind in kinds]

    def seal(payload: Any) -> Callback:
        sealed = envelope.seal_json(json.loads(clean(json.dumps(payload, ensure_ascii=False))))
        said = json.loads(sealed)
        query = {"timestamp": str(said["timestamp"]), "nonce": said["nonce"]}
        return Callback("POST", {**query, "msg_signature": said["msgsignature"]}, body=sealed)

    section = WecomBot(token=corp.TOKEN, aes_key=corp.AES_KEY)
    return Door(fake, payloads, seal, lambda: section)


def dingtalk() -> Door:
    fake = DingTalkByHttp()
    press = fake.press("anna", "c1", "b1", "k")
    rich = [{"text": "空调坏了"}, {"downloadCode": "d", "type": "picture"}]
    kinds: list[dict[str, Any]] = [
        {"text": {"content": FAULT}},
        {"msgtype": "richText", "content": {"richText": rich}},
        {"msgtype": "picture", "content": {"downloadCode": "d"}},
        {"msgtype": "audio", "content": {"recognition": "坏了", "downloadCode": "d"}},
        {"text": {"content": "x"}, "atUsers": [{"dingtalkId": "d", "staffId": "s"}]},
    ]

    def seal(payload: Any) -> Callback:
        stamp = str(int(time.time() * 1000))
        names = ("timestamp", "sign")
        secret = DINGTALK_SECRET
        if isinstance(payload, dict) and "outTrackId" in payload:
            names = ("x-ddpaas-signature-timestamp", "x-ddpaas-signature")
            secret = press_secret(DINGTALK_SECRET)
        headers = dict(zip(names, (stamp, sign(secret, stamp)), strict=True))
        return Callback("POST", headers=headers, body=json.dumps(payload).encode())

    def payloads() -> list[Any]:
        return [*(fake.message("anna", "group:home", **kind) for kind in kinds), press]

    return Door(fake, payloads, seal, fake.section)


def telegram() -> Door:
    fake, ids = FakeTelegram(), count(1)
    kinds: list[dict[str, Any]] = [
        {"text": FAULT},
        {"photo": [{"file_id": "f", "file_unique_id": "u", "width": 9, "height": 9}]},
        {"voice": {"file_id": "f", "file_unique_id": "u", "duration": 3}, "caption": "听"},
        {"text": "@paidan_bot 接单", "entities": [{"type": "mention", "offset": 0, "length": 11}]},
        {"location": {"latitude": 31.2, "longitude": 121.4}},
    ]

    def payloads() -> list[Any]:
        told: list[Any] = [
            {"update_id": next(ids), "message": fake.message("anna", "customer:anna", **kind)}
            for kind in kinds
        ]
        shown = fake.message("anna", "customer:anna", text="x")
        press = {"id": "1", "from": fake.person("anna"), "message": shown, "chat_instance": "1"}
        return [*told, {"update_id": next(ids), "callback_query": {**press, "data": "t:1:a"}}]

    def seal(payload: Any) -> Callback:
        headers = {"x-telegram-bot-api-secret-token": TELEGRAM_SECRET}
        return Callback("POST", headers=headers, body=json.dumps(payload).encode())

    return Door(fake, payloads, seal, fake.section)


def sms() -> Door:
    fake = FakeSms()

    def payloads() -> list[Any]:
        texted, lost = fake.texted("anna", FAULT), fake.reported("bob", "MOBILE_NOT_ON_SERVICE")
        return [[texted], [fake.reported("anna")], [lost, fake.texted("carl", "催一下")]]

    def seal(payload: Any) -> Callback:
        query = {"secret": HOOK_SECRET}
        return Callback("POST", query=query, body=json.dumps(payload).encode())

    return Door(fake, payloads, seal, fake.section)


def clean(text: str) -> str:
    """What can be sent at all: no half characters."""
    return text.encode("utf-8", "replace").decode()


DOORS: Mapping[str, Callable[[], Door]] = {
    "wechat": wechat,
    "wecom": wecom_app,
    "wecom_kf": wecom_kf,
    "wecom_bot": wecom_bot,
    "dingtalk": dingtalk,
    "telegram": telegram,
    "sms": sms,
}


def xml_of(value: Any, name: str = "xml", depth: int = 0) -> str:
    """A payload as XML, however little sense it makes there."""
    if depth > 60:
        return ""
    if isinstance(value, dict):
        inner = "".join(xml_of(v, str(k) or "x", depth + 1) for k, v in value.items())
    elif isinstance(value, list):
        return "".join(xml_of(v, name, depth + 1) for v in value)
    else:
        inner = "" if value is None else f"<![CDATA[{value}]]>"
    name = re.sub(r"\W", "", name, flags=re.ASCII) or "x"
    return f"<{name}>{inner}</{name}>"
