"""微信客服 on loopback: news that is fetched page by page, five messages in 48 hours, menus."""

from __future__ import annotations

import re
import time
from typing import Any, ClassVar

from typing_extensions import override

from paidan.channels.section import ChannelSection
from paidan.channels.wecom_kf import WecomKf
from tests.vendors.platform import Clip, Shown
from tests.vendors.wecom import AES_KEY, CORP_ID, SECRET, TOKEN, UNTOLD, FakeWecom

ACCOUNT = "wkAJ2GCAAAfake"
PAGE = 2


class FakeKf(FakeWecom):
    """One account; customers are here, colleagues are elsewhere."""

    name: ClassVar[str] = "wecom_kf"
    groups: ClassVar[bool] = False
    direct: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.news: list[dict[str, Any]] = []
        self.windows: dict[str, tuple[float, int]] = {}
        self.news_token = "ENC-token"
        self.unions: dict[str, str] = {}

    @override
    def section(self) -> ChannelSection:
        return WecomKf(
            corp_id=CORP_ID,
            secret=SECRET,
            token=TOKEN,
            aes_key=AES_KEY,
            open_kfid=ACCOUNT,
            union=True,
            address=self.address,
        )

    # --- the platform's own doors ---------------------------------------------------------------

    def _kf_account_list(self, body: dict[str, Any]) -> dict[str, Any]:
        accounts = [{"open_kfid": ACCOUNT, "name": "安居客服", "manage_privilege": True}]
        return {**_no(0, "ok"), "account_list": accounts[body["offset"] :]}

    def _kf_customer_batchget(self, body: dict[str, Any]) -> dict[str, Any]:
        """``unionid`` is there only for corporations that bound a WeChat developer id."""
        asked = body["external_userid_list"]
        assert 1 <= len(asked) <= 100
        known = [who for who in asked if who in self.windows]
        listed = [
            {"external_userid": who, "nickname": who, "avatar": "", "gender": 0}
            | ({"unionid": self.unions[who]} if who in self.unions else {})
            for who in known
        ]
        unknown = [who for who in asked if who not in known]
        return {**_no(0, "ok"), "customer_list": listed, "invalid_external_userid": unknown}

    def _kf_sync_msg(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["open_kfid"] != ACCOUNT or body["limit"] > 1000:
            return _no(95000, "invalid open_kfid")
        if body.get("token") not in {None, self.news_token}:
            return _no(95007, "invalid msg token")
        start = int(body.get("cursor") or 0)
        page = self.news[start : start + PAGE]
        more = start + PAGE < len(self.news)
        return {
            **_no(0, "ok"),
            "next_cursor": str(start + len(page)),
            "has_more": int(more),
            "msg_list": page,
        }

    def _kf_send_msg(self, body: dict[str, Any]) -> dict[str, Any]:
        who = body["touser"]
        until, left = self.windows.get(who, (0.0, 0))
        if body["open_kfid"] != ACCOUNT or until < self.now():
            return _no(UNTOLD, "the window is over")
        if left <= 0:
            return _no(95001, "send msg count limit")
        if not re.fullmatch(r"[0-9a-zA-Z_-]{0,32}", body.get("msgid", "")):
            return _no(UNTOLD, "invalid msgid")
        self.windows[who] = (until, left - 1)
        shown = Shown(str(next(self._ids)), who, "", raw=body)
        if body["msgtype"] == "text":
            shown.text = body["text"]["content"]
            assert 0 < len(shown.text.encode()) <= 2048
        else:
            menu = body["msgmenu"]
            clicks = [item["click"] for item in menu["list"] if item["type"] == "click"]
            assert len(menu["head_content"].encode()) <= 1024
            assert 1 <= len(menu["list"]) <= 10
            assert all(1 <= len(c["id"].encode()) <= 128 for c in clicks)
            assert all(1 <= len(c["content"].encode()) <= 128 for c in clicks)
            shown.text, shown.buttons = menu["head_content"], tuple(c["content"] for c in clicks)
        self.messages.setdefault(who, []).append(shown)
        return {**_no(0, "ok"), "msgid": body.get("msgid", "m")}

    # --- its people ----------------------------------------------------------------------------

    @override
    def user(self, who: str) -> str:
        return f"wm{who}"

    @override
    def chat(self, name: str) -> str:
        return self.user(name.partition(":")[2])

    def write(self, who: str, *, ago: float = 0.0, **content: Any) -> None:
        """A customer's message lies there to be fetched."""
        self.windows[self.user(who)] = (self.now() + 48 * 3600 - ago, 5)
        self.news.append(
            {
                "msgid": f"from_msgid_{next(self._ids)}",
                "open_kfid": ACCOUNT,
                "external_userid": self.user(who),
                "send_time": int(time.time() - ago),
                "origin": 3,
                **content,
            }
        )

    async def ring(self, times: int = 1) -> list[int]:
        """Tell us that there is news."""
        fields = self.event("", MsgType="event", Event="kf_msg_or_event", Token=self.news_token)
        del fields["FromUserName"]
        return await self.tell({**fields, "OpenKfId": ACCOUNT}, times)

    @override
    async def says(
        self, who: str, text: str, chat: str, *, key: str = "", times: int = 1
    ) -> list[int]:
        self.write(who, msgtype="text", text={"content": text})
        return await self.ring(times)

    @override
    async def sends_unknown(self) -> list[int]:
        self.write("anna", msgtype="hologram", hologram={"id": 1})
        return await self.ring()

    @override
    async def sends_nonsense(self) -> list[int]:
        query, body = self.sealed("<a/>")
        async with self.http.post(self.hook, params=query, data=body) as response:
            return [response.status]

    @override
    async def speaks(self, who: str, clip: Clip, chat: str) -> list[int]:
        number = f"voice{next(self._ids)}"
        self.files[number] = (clip.record("amr"), f"{number}.amr")
        self.write(who, msgtype="voice", voice={"media_id": number})
        return await self.ring()

    @override
    async def presses(
        self, who: str, shown: Shown, label: str, *, option: str = "", times: int = 1
    ) -> list[int]:
        clicks = [item["click"] for item in shown.raw["msgmenu"]["list"]]
        number = next(click["id"] for click in clicks if click["content"] == label)
        self.write(who, msgtype="text", text={"content": label, "menu_id": number})
        return await self.ring(times)


def _no(code: int, why: str) -> dict[str, Any]:
    return {"errcode": code, "errmsg": why}
