"""What went wrong, in plain words: by status, and by the code of a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "error.next": (
        "什么都没有丢失。可以退回上一页重试，或从首页重新进入。",
        "Nothing was lost. Go back and try again, or start over from the first page.",
    ),
    "error.home": ("回首页", "First page"),
    "status.400": (
        "请求看不懂，请刷新页面后重试。",
        "That request made no sense; reload and try again.",
    ),
    "status.403": ("你没有权限看这一页。", "You may not see this page."),
    "status.404": (
        "找不到这一页，链接可能写错或已经失效。",
        "There is no such page; the link may be old.",
    ),
    "status.405": ("这个地址不支持这样的操作。", "That cannot be done at this address."),
    "status.408": (
        "网络太慢，内容没有传完，请重试。",
        "The network was too slow; please try again.",
    ),
    "status.413": (
        "内容太大了：照片请小于 8 MB。",
        "That is too large: pictures must be under 8 MB.",
    ),
    "status.415": (
        "这里不收压缩过的内容，也不收文件，请原样发送文字。",
        "Neither packed bodies nor files are taken here; send the words as they are.",
    ),
    "status.422": (
        "填写的内容有误，请检查后重试。",
        "Something in the form is wrong; please check it.",
    ),
    "status.429": ("操作太频繁，请稍等一会儿再试。", "Too many requests; please wait a moment."),
    "status.500": (
        "出了点问题，我们已经记下。请稍后重试。",
        "Something broke on our side and was noted.",
    ),
    "status.503": (
        "数据现在写不进去，什么都没有改；几秒后再试一次。",
        "Nothing can be written right now and nothing was changed; try again in a few seconds.",
    ),
    "status.other": ("这一步没有成功，请稍后重试。", "That did not work; please try again later."),
    "refused.bad_token": (
        "链接无效，请重新获取一个。",
        "This link is not valid; please get a new one.",
    ),
    "refused.expired_token": (
        "链接已过期，请重新获取一个。",
        "This link has expired; please get a new one.",
    ),
    "refused.used_token": (
        "链接已经用过了，请重新获取一个。",
        "This link was used already; get a new one.",
    ),
    "refused.forged_request": (
        "页面已过期，请刷新后再操作。",
        "This page is out of date; reload it and try again.",
    ),
    "refused.sign_in": ("请先登录。", "Please sign in first."),
    "refused.not_allowed": ("你没有这个权限。", "You are not allowed to do this."),
    "refused.unknown_ticket": ("没有这张工单。", "There is no such work order."),
    "refused.stale_ticket": ("手慢了，已经被别人处理了。", "Too late: somebody else was first."),
    "refused.too_long": (
        "太长了：{found} 字，最多 {allowed} 字。",
        "Too long: {found} characters, at most {allowed}.",
    ),
    "refused.empty_report": ("请写一句哪里坏了。", "Please say in a sentence what is wrong."),
    "refused.bad_picture": (
        "这不是照片。请上传 JPG、PNG、WebP 或 GIF。",
        "That is not a picture. Please send JPG, PNG, WebP or GIF.",
    ),
    "refused.model_reads_already": ("这个版本已经在用。", "That version reads already."),
    "refused.nothing_to_roll_back": (
        "没有可以退回的版本。",
        "There is no version to go back to.",
    ),
    "refused.model_outdated": (
        "这个版本是旧程序训练的，不能再用。",
        "That version was made by an older program and cannot be used.",
    ),
    "refused.invalid_input": (
        "「{field}」填写有误：现在是「{found}」，应为 {allowed}。",
        "{field} is wrong: found “{found}”, allowed {allowed}.",
    ),
}
