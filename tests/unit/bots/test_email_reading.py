"""A mail off the wire: words, files, threads and machines; whatever it is, one error at most."""

from __future__ import annotations

import time
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bots.email import threads
from bots.email.quoting import new_words
from bots.email.reading import Letter, Unreadable, read

OWN = "bx@an.cn"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 2000


def mail(text: str = "3栋501灯不亮", **headers: str) -> EmailMessage:
    found = EmailMessage()
    given = {"From": "王芳 <Wang@Example.com>", "Subject": "报修", "Message_ID": "<1@x>", **headers}
    for name, value in given.items():
        if value:
            found[name.replace("_", "-")] = value
    found.set_content(text)
    return found


def letter(found: EmailMessage | bytes, trusted: str = "") -> Letter:
    return read(found if isinstance(found, bytes) else found.as_bytes(), OWN, trusted)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("好的\n\n在 2026年11月23日 10:00，安居<a@b.c> 写道：\n> 已受理", "好的"),
        ("好的\n\n------------------ 原始邮件 ------------------\n发件人: a\n主题: b", "好的"),
        ("好的\n------------------&nbsp;", "好的\n------------------&nbsp;"),
        ("可以\n发件人: a\n发送时间: b\n收件人: c\n主题: d\n正文", "可以"),
        ("密码1234\n---- 回复的原邮件 ----\n| 发件人 | a |", "密码1234"),
        ("Dead\n\nOn Mon, Nov 23, 2026 at 10:00 Anju <a@b.c>\nwrote:\n> x", "Dead"),
        ("坏了\n\nFrom: a\nSent: b\nTo: c\nSubject: d\n\nold", "坏了"),
        ("在吗\n安居 <a@b.c> 于2026年11月23日周一 10:00写道：\n> x", "在吗"),
        ("On Nov 23, 2026, A <a@b.c> wrote:\n> which flat?\n\n501", "501"),
        ("清单：\n- 卧室空调\n- 客厅灯\n都坏了", "清单：\n- 卧室空调\n- 客厅灯\n都坏了"),
        ("在 10:00 我写道：没有人来", "在 10:00 我写道：没有人来"),
        ("发件人: 不清楚\n就是坏了", "发件人: 不清楚\n就是坏了"),
        ("灯坏了\n\n发自我的iPhone", "灯坏了"),
        ("漏水了\n--\n王芳\n物业", "漏水了"),
        (
            "-----Original Message-----\nFrom: x\n漏水了",
            "-----Original Message-----\nFrom: x\n漏水了",
        ),
    ],
)
def test_only_what_is_new_is_heard(text: str, words: str) -> None:
    assert new_words(text).words == words


@pytest.mark.parametrize(
    "text",
    [
        "On " * 60_000,
        "On\n" * 60_000,
        "--\n" * 60_000,
        "发件人: a\n" * 60_000,
        "\n" * 200_000 + "x",
    ],
)
def test_a_hostile_text_is_read_in_no_time(text: str) -> None:
    before = time.process_time()
    new_words(f"hi\n{text}")
    assert time.process_time() - before < 3


def test_the_phone_in_the_signature_of_a_first_mail_is_said() -> None:
    assert letter(mail("灯不亮\n--\n王芳 137 1234 5678")).text == "灯不亮\n电话 13712345678"
    answer = mail("好的\n--\n王芳 13712345678", References="<0@x>")
    assert letter(answer).text == "好的"


def test_a_telling_subject_is_part_of_the_first_mail_only() -> None:
    assert letter(mail("快来", Subject="3栋501空调不制冷")).text == "3栋501空调不制冷\n快来"
    assert letter(mail("快来", Subject="Re: 空调不制冷", References="<0@x>")).text == "快来"
    assert letter(mail("签收 1", Subject="Re: 空调 [WO-20261123-0001]")).text == "签收 1"
    assert letter(mail("快来", Subject="Re: 空调 [WO-20261123-0001]")).number == "WO-20261123-0001"


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "gb18030", "utf-8", "big5"])
@pytest.mark.parametrize("coding", ["base64", "quoted-printable", "8bit"])
def test_every_charset_of_chinese_programs_is_read(charset: str, coding: str) -> None:
    found = EmailMessage(policy=policy.SMTP)
    found["From"] = "a@b.cn"
    found.set_content(
        "空調壞了" if charset == "big5" else "空调坏了", charset="utf-8", cte="base64"
    )
    words = "空調壞了" if charset == "big5" else "空调坏了"
    data = words.encode(charset)
    body = EmailMessage(policy=policy.SMTP)
    body.set_content(data, maintype="text", subtype="plain", cte=coding)
    head = f'From: a@b.cn\r\nContent-Type: text/plain; charset="{charset}"\r\n'.encode()
    coded = body.as_bytes().split(b"\r\n\r\n", 1)[1]
    head += f"Content-Transfer-Encoding: {coding}\r\n\r\n".encode()
    assert letter(head + coded).text == words


def test_raw_gbk_headers_and_html_alone_are_read() -> None:
    page = "<style>x{}</style><p>灯不亮<br>快来</p><div class='gmail_quote'>旧的</div>"
    data = b"From: " + "王芳".encode("gbk") + b" <w@e.cn>\r\nSubject: " + "厨房".encode("gbk")
    data += b"\r\nContent-Type: text/html; charset=gb2312\r\n\r\n" + page.encode("gbk")
    found = letter(data)
    assert (found.name, found.subject) == ("王芳", "厨房")
    assert found.text == "厨房\n灯不亮\n快来"


def test_attachments_and_inline_pictures_come_along_ornaments_do_not() -> None:
    found = mail()
    found.add_attachment(PNG, maintype="image", subtype="png", filename="../照片.png")
    found.add_attachment(PNG, maintype="image", subtype="png", disposition="inline", cid="<a>")
    found.add_attachment(b"GIF89a", maintype="image", subtype="gif", disposition="inline")
    found.add_attachment(mail("old"), filename="旧邮件.eml")
    files = letter(found).files
    assert [file.name for file in files] == ["_照片.png", "", "旧邮件.eml"]
    assert [file.data for file in files[:2]] == [PNG, PNG]
    assert b"Message-ID" in files[2].data


def test_a_long_mail_is_cut_and_kept_whole() -> None:
    found = letter(mail("很长。" * 3000))
    assert len(found.text) < 4000
    assert found.whole.count("很长。") == 3000


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Auto-Submitted": "auto-generated (x)"},
        {"Precedence": "Bulk"},
        {"Return-Path": "<>"},
        {"List-Id": "<l.example.com>"},
        {"X-Auto-Response-Suppress": "All"},
        {"X-Autoreply": "yes"},
        {"From": "MAILER-DAEMON@example.com"},
        {"From": "no-reply@example.com"},
        {"Subject": "自动回复: 报修"},
        {"Subject": "Out of Office: back Monday"},
    ],
)
def test_a_machine_is_known(headers: dict[str, str]) -> None:
    found = mail()
    for name, value in headers.items():
        del found[name]
        found[name] = value
    assert letter(found).machine
    assert not letter(mail(Auto_Submitted="no")).machine


def test_a_thread_is_known_by_its_first_mail_or_by_ours() -> None:
    first = letter(mail())
    ours = threads.own_id(first.thread, "k", "an.cn")
    whole = letter(mail(Message_ID="<2@x>", References=f"<1@x> {ours}", In_Reply_To=ours))
    cut = letter(mail(Message_ID="<3@x>", In_Reply_To=ours))
    strange = letter(mail(Message_ID="<4@x>", In_Reply_To=ours.replace("an.cn", "evil.cn")))
    assert first.thread == whole.thread == cut.thread != strange.thread
    assert letter(mail(From=OWN)).ours
    assert letter(mail(Message_ID=ours)).ours


def test_the_same_mail_has_the_same_key_and_another_has_not() -> None:
    keys = {letter(m).key for m in (mail(), mail(), mail(Message_ID=""), mail(Message_ID=""))}
    assert len(keys) == 2
    assert letter(mail(From="other@example.com")).key != letter(mail()).key


@pytest.mark.parametrize(
    ("results", "good"),
    [
        ("mx.an.cn; dmarc=pass header.from=example.com", True),
        ("mx.an.cn (x) 1; spf=fail; dkim=pass header.d=example.com", True),
        ("mx.an.cn; dkim=pass header.d=evil.cn", False),
        ("mx.an.cn; dmarc=pass header.from=evil.cn", False),
        ("mx.an.cn; dmarc=fail header.from=example.com; spf=pass", False),
        ("evil.cn; dmarc=pass header.from=example.com", False),
        ("", False),
    ],
)
def test_only_our_own_server_vouches_for_a_sender(results: str, good: bool) -> None:
    forged = b"Authentication-Results: mx.an.cn; dmarc=pass header.from=example.com\r\n"
    top = f"Authentication-Results: {results}\r\n".encode() if results else b""
    below = forged if results.startswith("mx.an.cn") else b""
    found = letter(top + below + mail().as_bytes(), "mx.an.cn")
    assert found.verified is good
    assert not letter(top + mail().as_bytes()).verified


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"From: a@b.cn, c@d.cn\r\n\r\nhi",
        b"From: nobody\r\n\r\nhi",
        b"From: a@b.cn\r\nX: " + b"x" * 300_000 + b"\r\n\r\nhi",
        b'From: "a@b.cn" <evil"@c.cn>\r\n\r\nhi',
    ],
)
def test_what_nobody_can_be_answered_to_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        letter(data)


PIECES = st.sampled_from(
    [
        b"From: a@b.cn\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n",
        b"Content-Type: text/html; charset=nonsense\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Disposition: attachment; filename*=gbk''%ff%00\r\n",
        b"Subject: =?gb2312?B?zfW3vA?= =?x?Q?=zz?=\r\n",
        b"References: <a <b> <c@d>\r\n",
        b"\r\n--x\r\n",
        b"\r\n\r\n",
        b"<div><table><td>",
        b"\xff\xfe\x00",
    ]
)


@settings(deadline=None, max_examples=150)
@example(b"From: a@b.cn\r\nContent-Type: text/html\r\n\r\n" + b"<div>" * 20_000)
@example(
    b"From: a@b.cn\r\nContent-Type: multipart/mixed; boundary=a0\r\n\r\n"
    + b"".join(
        b"--a%d\r\nContent-Type: multipart/mixed; boundary=a%d\r\n\r\n" % (n, n + 1)
        for n in range(2000)
    )
)
@given(st.one_of(st.binary(max_size=400), st.lists(PIECES, max_size=25).map(b"".join)))
def test_whatever_comes_there_is_one_error_at_most(data: bytes) -> None:
    try:
        found = read(data, OWN, "mx.an.cn")
    except Unreadable:
        return
    assert len(found.text) < 4000
    found.text.encode()
    assert "\0" not in found.text + found.name + found.subject
    assert not [c for c in found.subject + found.name if c in "\r\n"]
