"""The few words adapters say by themselves, beside what the notifier words: in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "expired": (
        "这个按钮已经失效，请在最新的卡片上操作",
        "This button is no longer good; please use the newest card",
    ),
    "lost": (
        "刚才那一下没有记上，请再点一次",
        "That press was not kept; please press again",
    ),
    "again": (
        "系统忙，请过几秒再点一次",
        "We are busy; please press again in a few seconds",
    ),
    "wanted": ("请回复：{what} 加上要说的话", "Please reply: {what} and what you want to say"),
    "others": ("不在其中的，请回复「{what}」", "For others please reply “{what}”"),
    "confirm": ("确定", "OK"),
    "own_number": ("把我的号码发给派单", "Send my number"),
    "ask_number": (
        "点下面的按钮，用您在 Telegram 登记的号码认一下：和登记在册的号码一致就绑定好了",
        "Tap the button below to send your Telegram number: if it is on our books, you are bound",
    ),
    "gathered": (
        "派单进群了。这个群只收通知、听不到回复：接单、完成请点应用里自己的卡片，或者私聊应用发指令",
        "Paidan is here. This group only gets news, nobody in it is heard: go on from your own "
        "card in the application, or write to it in private",
    ),
    "back": ("返回", "Back"),
    "updated": ("已更新", "Updated"),
    "sign": ("派单", "Paidan"),
    "report": ("一键报修", "Report"),
    "progress": ("我的进度", "Progress"),
    "person": ("转人工", "A person"),
}


def say(code: str, locale: str, what: str = "") -> str:
    """The words for a code: Chinese for Chinese readers, English for all others."""
    words = WORDS[code][0 if locale.lower().startswith("zh") else 1]
    return words.format(what=what)


def menu_names(locale: str) -> dict[str, str]:
    """The names of the menu's keys, of at most ten letters or four characters."""
    return {
        f"PAIDAN_{code.upper()}": say(code, locale) for code in ("report", "progress", "person")
    }
