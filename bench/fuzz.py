"""Hostile input through every door of a chat platform.

    python bench/fuzz.py [--inputs 100000] [--only wechat,telegram] [--seed 1]

For each channel: what the platform's fake sends (words, pictures, voice, events, presses) is
spoilt, and goes to the adapter's own door. Half of the inputs are spoilt before they are sealed
and signed, so that they get past the signature; half afterwards. An input may be answered or
refused; anything else that is raised is a crash, and is printed with its seed. A tenth of what is
let in goes on into a real database. Memory is read after a tenth of the inputs and at the end.
Results go to bench/RESULTS.md. ``random`` drives it, seeded: the same inputs each time.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import gc
import json
import logging
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from results import recorded

import bots.wechat.adapter
from bots.gateway.adapter import Adapter, Callback, CallbackError, Switchboard
from bots.gateway.tencent import Envelope
from bots.gateway.tokens import Tokens
from paidan.channels.wecom_bot import WecomBot
from paidan.demo import demo_company
from storage import SqlStore, open_store
from tests.vendors import wecom as corp
from tests.vendors.dingtalk import SECRET as DINGTALK_SECRET
from tests.vendors.dingtalk import DingTalkByHttp, sign
from tests.vendors.platform import Platform
from tests.vendors.telegram import SECRET as TELEGRAM_SECRET
from tests.vendors.telegram import FakeTelegram
from tests.vendors.wechat import FakeWechat
from tests.vendors.wecom import FakeWecom
from tests.vendors.wecom_bot import FakeWecomBot
from tests.vendors.wecom_kf import FakeKf
from workflow.kept import Admitted
from workflow.records import Inbound

TENANT = "demo"
FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**63, 2**70, -(2**63), 1.5, 1e308, "", " ", "0", "-1",
    "\x00", "\ud800", "\u202e", "\ufeff", "x" * 5000, "报" * 3000, "9" * 400, "1e400", "NaN",
    "<!DOCTYPE x>", "]]>", "&amp;&lt;", "{{7*7}}", "../../etc/passwd", "http://127.0.0.1:1/",
    "%00%ff", "'; DROP TABLE inbox;--", [], {}, [[]], [None], {"": ""}, ["x"] * 50,
)  # fmt: skip
DEPTH = 400


class Notes:
    """A channel's notes in memory; only the newest, as a life would have it."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self._kept.get(key)

    async def put(self, key: str, value: str, life: timedelta | None = None) -> None:
        del life
        if len(self._kept) > 1000:
            self._kept.pop(next(iter(self._kept)))
        self._kept[key] = value

    async def swap(
        self, key: str, old: str | None, new: str, life: timedelta | None = None
    ) -> bool:
        if self._kept.get(key) != old:
            return False
        await self.put(key, new, life)
        return True

    async def drop(self, key: str, old: str | None = None) -> None:
        if old is None or self._kept.get(key) == old:
            self._kept.pop(key, None)


# --- spoiling -------------------------------------------------------------------------------------


def deep(chance: random.Random) -> Any:
    """Something nested further than anybody needs."""
    found: Any = "x"
    for _ in range(chance.randint(2, DEPTH)):
        found = [found] if chance.random() < 0.5 else {"a": found}
    return found


def spoilt(payload: Any, chance: random.Random) -> Any:
    """A payload with one to three places in it changed for the worse."""
    payload = json.loads(json.dumps(payload))
    for _ in range(chance.randint(1, 3)):
        holder, key = place(payload, chance)
        if holder is None:
            return hostile(chance)
        act = chance.random()
        if act < 0.2:
            del holder[key]
        elif act < 0.3 and isinstance(holder, dict):
            holder[f"{key}x"] = holder.pop(key)
        elif act < 0.4:
            holder[key] = [holder[key]]
        elif act < 0.5 and isinstance(holder[key], str):
            holder[key] = garbled(holder[key], chance)
        else:
            holder[key] = hostile(chance)
    return payload


def hostile(chance: random.Random) -> Any:
    return deep(chance) if chance.random() < 0.03 else copy.deepcopy(chance.choice(HOSTILE))


def place(payload: Any, chance: random.Random) -> tuple[Any, Any]:
    """Some place in it: what holds it, and under which key."""
    spots: list[tuple[Any, Any]] = []
    waiting = [payload]
    while waiting:
        found = waiting.pop()
        keys = list(found) if isinstance(found, dict) else range(len(found))
        for key in keys:
            spots.append((found, key))
            if isinstance(found[key], dict | list):
                waiting.append(found[key])
        if len(spots) > 400:
            break
    return chance.choice(spots) if spots else (None, None)


def garbled(text: str, chance: random.Random) -> str:
    """A text with a piece of it doubled, cut or replaced."""
    at = chance.randint(0, len(text))
    to = min(len(text), at + chance.randint(0, 8))
    piece = chance.choice(("", text[at:to] * 2, "\x00", "\u202e", "<", "@all", "\ud83d", "𠮷"))
    return text[:at] + piece + text[to:]


def torn(body: bytes, chance: random.Random) -> bytes:
    """Bytes with a few of them flipped, cut, doubled or strewn in."""
    data = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, max(0, len(data) - 1))
        act = chance.random()
        if act < 0.5 and data:
            data[at] = chance.randint(0, 255)
        elif act < 0.7:
            del data[at : at + chance.randint(1, 30)]
        elif act < 0.85:
            data[at:at] = chance.randbytes(chance.randint(1, 30))
        else:
            data[at:at] = chance.choice((b"<!DOCTYPE a>", b"\x00", b"\xff\xfe", b"{", b"]", b'"'))
    return bytes(data)


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


# --- doors ----------------------------------------------------------------------------------------


@dataclass
class Door:
    """One channel: what its platform sends, and how that is sealed and signed."""

    platform: Platform
    payloads: Callable[[], list[Any]]
    seal: Callable[[Any], Callback]
    open: Callable[[Switchboard], Adapter]


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

    return Door(fake, payloads, seal, lambda board: fake.section().open(board))


def wecom(fake: FakeWecom, kinds: list[dict[str, Any]]) -> Door:
    def seal(payload: Any) -> Callback:
        query, body = fake.sealed(clean(xml_of(payload)))
        return Callback("POST", query, body=body.encode())

    def payloads() -> list[Any]:
        return [{**fake.event("anna"), **kind} for kind in kinds]

    return Door(fake, payloads, seal, lambda board: fake.section().open(board))


def wecom_app() -> Door:
    fake = FakeWecom()
    press = {
        "MsgType": "event", "Event": "template_card_event", "EventKey": "k", "TaskId": "t",
        "CardType": "button_interaction", "ResponseCode": "r",
        "SelectedItems": {"SelectedItem": {"QuestionKey": "q", "OptionIds": {"OptionId": "o"}}},
    }  # fmt: skip
    kinds: list[dict[str, Any]] = [
        {"MsgType": "text", "Content": FAULT, "MsgId": "1"},
        {"MsgType": "image", "PicUrl": "http://x", "MediaId": "m", "MsgId": "2"},
        {"MsgType": "voice", "MediaId": "m", "Format": "amr", "MsgId": "3"},
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
    return Door(fake, payloads, seal, section.open)


def dingtalk() -> Door:
    fake = DingTalkByHttp()
    press = {"type": "actionCallback", "outTrackId": "c1", "userId": "u", "content": json.dumps(
        {"cardPrivateData": {"actionIds": ["b1"], "params": {"key": "k"}}})}  # fmt: skip
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
            secret = press_secret()
        headers = dict(zip(names, (stamp, sign(secret, stamp)), strict=True))
        return Callback("POST", headers=headers, body=json.dumps(payload).encode())

    def payloads() -> list[Any]:
        return [press, *(fake.message("anna", "group:home", **kind) for kind in kinds)]

    return Door(fake, payloads, seal, lambda board: fake.section().open(board))


def press_secret() -> str:
    """What the adapter registers its presses with."""
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(f"presses:{DINGTALK_SECRET}".encode()).hexdigest()[:32]


def telegram() -> Door:
    fake = FakeTelegram()
    kinds: list[dict[str, Any]] = [
        {"text": FAULT},
        {"photo": [{"file_id": "f", "file_unique_id": "u", "width": 9, "height": 9}]},
        {"voice": {"file_id": "f", "file_unique_id": "u", "duration": 3}, "caption": "听"},
        {"text": "@paidan_bot 接单", "entities": [{"type": "mention", "offset": 0, "length": 11}]},
        {"location": {"latitude": 31.2, "longitude": 121.4}},
    ]

    def payloads() -> list[Any]:
        told: list[Any] = [
            {"update_id": n, "message": fake.message("anna", "customer:anna", **kind)}
            for n, kind in enumerate(kinds)
        ]
        shown = fake.message("anna", "customer:anna", text="x")
        press = {"id": "1", "from": fake.person("anna"), "message": shown, "chat_instance": "1"}
        return [*told, {"update_id": 9, "callback_query": {**press, "data": "t:1:a"}}]

    def seal(payload: Any) -> Callback:
        headers = {"x-telegram-bot-api-secret-token": TELEGRAM_SECRET}
        return Callback("POST", headers=headers, body=json.dumps(payload).encode())

    return Door(fake, payloads, seal, lambda board: fake.section().open(board))


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
}


# --- the run --------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What became of one channel's inputs; memory in MB."""

    ends: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    memory: tuple[float, float] = (0.0, 0.0)
    seconds: float = 0.0


def resident() -> float:
    """Of this process, in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


async def knock(name: str, inputs: int, seed: int) -> Tally:
    """Send one channel so many inputs."""
    logging.disable(logging.CRITICAL)
    bots.wechat.adapter.ANSWER_WITHIN = 0.0
    door, chance, tally = DOORS[name](), random.Random(seed), Tally()
    await door.platform.start()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_store("sqlite:///:memory:", Path(folder)) as store,
            ClientSession() as http,
        ):
            company = demo_company().company
            await store.transact(TENANT, lambda uow: uow.put_company(company))
            adapter = door.open(board(store, http, chance, tally))
            payloads = door.payloads()
            begun = time.perf_counter()
            for n in range(inputs):
                await one(
                    door, chance.choice(payloads), adapter, chance, tally, f"seed {seed}, input {n}"
                )
                if n == inputs // 10:
                    tally.memory = (resident(), 0.0)
            tally.seconds = time.perf_counter() - begun
            tally.memory = (tally.memory[0], resident())
            await adapter.close()
    await door.platform.stop()
    return tally


def board(store: SqlStore, http: ClientSession, chance: random.Random, tally: Tally) -> Switchboard:
    async def admit(inbound: Inbound) -> Admitted | None:
        tally.ends["let in"] += 1
        if chance.random() < 0.1:
            await store.transact(TENANT, lambda uow: uow.inbox.admit(inbound))
        return None

    return Switchboard(
        tenant=TENANT,
        admit=admit,
        http=http,
        notes=Notes(),
        tokens=Tokens(Notes()),
        now=lambda: datetime.now(UTC),
    )


async def one(
    door: Door, payload: Any, adapter: Adapter, chance: random.Random, tally: Tally, which: str
) -> None:
    signed = chance.random() < 0.5
    callback = door.seal(spoilt(payload, chance) if signed else payload)
    if not signed:
        callback = Callback(
            callback.method,
            {
                k: clean(garbled(v, chance)) if chance.random() < 0.1 else v
                for k, v in callback.query.items()
            },
            callback.headers,
            torn(callback.body, chance),
        )
    try:
        answer = await adapter.receive(callback)
        tally.ends[str(answer.status)] += 1
    except CallbackError as refusal:
        tally.ends[str(refusal.status)] += 1
    except Exception as crash:  # noqa: BLE001 - this is what is looked for
        tally.ends["crash"] += 1
        if len(tally.crashes) < 10:
            what = f"{type(crash).__name__}: {str(crash)[:200]}"
            ours = [
                f for f in traceback.extract_tb(crash.__traceback__) if ".venv" not in f.filename
            ]
            where = ours[-1]
            tally.crashes.append(f"{which}: {what} ({Path(where.filename).name}:{where.lineno})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--only", default=",".join(DOORS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--channel", help="one channel, in this process, as JSON")
    given = parser.parse_args()
    if given.channel:
        found = asyncio.run(knock(given.channel, given.inputs, given.seed))
        print(json.dumps({**found.__dict__}))
        return 0
    names = given.only.split(",")
    whole = set(names) == set(DOORS) and given.inputs >= 100_000
    wrong = 0
    command = f"python bench/fuzz.py --inputs {given.inputs} --seed {given.seed}"
    with recorded("渠道入口的模糊测试", command, wanted=whole):
        print(f"{'channel':<11}{'inputs':>8}{'200':>8}{'let in':>8}{'400':>8}{'403':>8}"
              f"{'crashes':>9}{'MB 10 %':>9}{'MB end':>8}{'us each':>9}")  # fmt: skip
        for name in names:
            found = told(name, given.inputs, given.seed)
            wrong += len(found["crashes"])
            ends, memory = found["ends"], found["memory"]
            print(f"{name:<11}{given.inputs:>8}"
                  + "".join(f"{ends.get(k, 0):>8}" for k in ("200", "let in", "400", "403"))
                  + f"{ends.get('crash', 0):>9}{memory[0]:>9.0f}{memory[1]:>8.0f}"
                  + f"{found['seconds'] / given.inputs * 1e6:>9.0f}")  # fmt: skip
            for crash in found["crashes"]:
                print(f"    {crash}")
    return int(wrong > 0)


def told(name: str, inputs: int, seed: int) -> dict[str, Any]:
    """One channel in a process of its own, so that memory is its own."""
    asked = [sys.executable, __file__, "--channel", name, "--inputs", str(inputs)]
    said = subprocess.run([*asked, "--seed", str(seed)], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    raise SystemExit(main())
