"""The sealed envelope against published vectors, and against what breaks in.

Vectors: Tencent's WXBizMsgCrypt samples (企业微信 document 90968 and 公众平台), wechatpy's
tests/test_crypto.py, the DingTalk documentation of event push, which uses the same envelope.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from bots.gateway.adapter import Callback, CallbackError, Forged, Malformed
from bots.gateway.tencent import Envelope, fields_of, key_of, signed

TENCENT = ("QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7")
WECHATPY = ("123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "wx49f0ab532d5d035a")
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OFFICIAL = ("spamtest", ALPHABET, "wx2c2769f8efd9abc2")
DINGTALK = ("123456", "1234567890123456789012345678901234567890123", "dingsnotzck6pm5veliw")

ECHOES = [
    (
        TENCENT,
        "1409659589",
        "263014780",
        "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
        "1616140317555161061",
    ),
    (
        WECHATPY,
        "1411443780",
        "437374425",
        "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96",
        "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==",
        "5927782489442352469",
    ),
    (
        DINGTALK,
        "1614767836",
        "A7Co0cJLMzIDtMMI",
        "9a95a004dd16f5c307e849b994173f76aa26e5eb",
        "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA==",
        "success",
    ),
]
POSTS = [
    (
        TENCENT,
        "1409659813",
        "1372623149",
        "477715d11cdb4164915debcba66cb864d751f3e6",
        "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3Qczc"
        "dCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLj"
        "vd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMn"
        "vw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k"
        "22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2Yoy"
        "yH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==",
        "hello",
    ),
    (
        WECHATPY,
        "1411525903",
        "461056294",
        "74d92dfeb87ba7c714f89d98870ae5eb62dff26d",
        "RgqEoJj5A4EMYlLvWO1F86ioRjZfaex/gePD0gOXTxpsq5Yj4GNglrBb8I2BAJVODGajiFnXBu7mCPatfjsu6IHC"
        "rsTyeDXzF6Bv283dGymzxh6ydJRvZsryDyZbLTE7rhnus50qGPMfp2wASFlzEgMW9z1ef/RD8XzaFYgm7iTdaXpX"
        "aG4+BiYyolBug/gYNx410cvkKR2/nPwBiT+P4hIiOAQqGp/TywZBtDh1yCF2KOd0gpiMZ5jSw3e29mTvmUHzkVQi"
        "MS6td7vXUaWOMZnYZlF3So2SjHnwh4jYFxdgpkHHqIrH/54SNdshoQgWYEvccTKe7FS709/5t6NMxuGhcUGAPOQi"
        "pvWTT4dShyqio7mlsl5noTrb++x6En749zCpQVhDpbV6GDnTbcX2e8K9QaNWHp91eBdCRxthuL0=",
        "test",
    ),
    (
        OFFICIAL,
        "1409735669",
        "1320562132",
        "5d197aaffba7e9b25a30732f161a50dee96bd5fa",
        "hyzAe4OzmOMbd6TvGdIOO6uBmdJoD0Fk53REIHvxYtJlE2B655HuD0m8KUePWB3+LrPXo87wzQ1QLvbeUgmBM4x6"
        "F8PGHQHFVAFmOD2LdJF9FrXpbUAh0B5GIItb52sn896wVsMSHGuPE328HnRGBcrS7C41IzDWyWNlZkyyXwon8T33"
        "2jisa+h6tEDYsVticbSnyU8dKOIbgU6ux5VTjg3yt+WGzjlpKn6NPhRjpA912xMezR4kw6KWwMrCVKSVCZciVGCg"
        "avjIQ6X8tCOp3yZbGpy0VxpAe+77TszTfRd5RJSVO/HTnifJpXgCSUdUue1v6h0EIBYYI1BD1DlD+C0CR8e6Oewp"
        "usjZ4uBl9FyJvnhvQl+q5rv1ixrcpCumEPo5MJSgM9ehVsNPfUM669WuMyVWQLCzpu9GhglF2PE=",
        "abcdteT",
    ),
]


def envelope(account: tuple[str, str, str], stamp: str) -> Envelope:
    return Envelope(*account, lambda: datetime.fromtimestamp(int(stamp), UTC))


def call(stamp: str, nonce: str, signature: str, **more: Any) -> Callback:
    query = {"timestamp": stamp, "nonce": nonce, "msg_signature": signature}
    return Callback("POST", {**query, **more.pop("query", {})}, body=more.pop("body", b""))


@pytest.mark.parametrize(("account", "stamp", "nonce", "signature", "sealed", "plain"), ECHOES)
def test_published_echoes_open(
    account: tuple[str, str, str], stamp: str, nonce: str, signature: str, sealed: str, plain: str
) -> None:
    asked = call(stamp, nonce, signature, query={"echostr": sealed})
    assert envelope(account, stamp).echo(asked) == plain.encode()


@pytest.mark.parametrize(("account", "stamp", "nonce", "signature", "sealed", "content"), POSTS)
def test_published_messages_open(
    account: tuple[str, str, str], stamp: str, nonce: str, signature: str, sealed: str, content: str
) -> None:
    body = f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()
    fields = envelope(account, stamp).open_xml(call(stamp, nonce, signature, body=body))
    assert fields["Content"] == content
    as_json = json.dumps({"encrypt": sealed}).encode()
    with pytest.raises(Malformed):  # what is inside is XML
        envelope(account, stamp).open_json(call(stamp, nonce, signature, body=as_json))


@pytest.mark.parametrize(
    ("parts", "signature"),
    [
        (("spamtest", "1409735669", "1320562132"), "16120ec1b8dbb870f510d87ce6bc2463eae6ca1a"),
        (("789", "456", "123"), "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    ],
)
def test_plain_signatures(parts: tuple[str, ...], signature: str) -> None:
    assert signed(*parts) == signature


def test_what_we_seal_others_open() -> None:
    sealed = envelope(TENCENT, "1409659813").seal_xml("<xml><Content>好</Content></xml>")
    fields = fields_of(sealed)
    opened = WeChatCrypto(*TENCENT).decrypt_message(
        sealed, fields["MsgSignature"], fields["TimeStamp"], fields["Nonce"]
    )
    assert fields_of(str(opened).encode())["Content"] == "好"


def test_what_is_old_forged_or_for_somebody_else_is_refused() -> None:
    account, stamp, nonce, signature, sealed, _ = ECHOES[0]
    good = call(stamp, nonce, signature, query={"echostr": sealed})
    late = Envelope(*account, lambda: datetime.fromtimestamp(int(stamp) + 601, UTC))
    with pytest.raises(Forged, match="old"):
        late.echo(good)
    with pytest.raises(Forged, match="signature"):
        envelope(account, stamp).echo(call(stamp, nonce, "0" * 40, query={"echostr": sealed}))
    with pytest.raises(Forged):
        envelope((*account[:2], "wx-somebody-else"), stamp).echo(good)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<xml/>",
        b"<xml><a></xml>",
        b"\xff\xfe\x00",
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
        b"<xml><Encrypt><b>1</b></Encrypt></xml>",
        b"<a><Encrypt>x</Encrypt></a>",
        b"<x>" * 50_000,
    ],
)
def test_a_broken_body_is_one_refusal(body: bytes) -> None:
    with pytest.raises(Malformed):
        envelope(TENCENT, "1409659813").open_xml(call("1409659813", "n", "s", body=body))


@given(sealed=st.text(max_size=80) | st.binary(max_size=80).map(lambda b: b.hex()))
def test_ciphertext_of_any_kind_never_breaks_the_door(sealed: str) -> None:
    stamp, nonce = "1409659813", "n"
    signature = signed(TENCENT[0], stamp, nonce, sealed)
    asked = call(stamp, nonce, signature, query={"echostr": sealed})
    with pytest.raises(CallbackError):
        envelope(TENCENT, stamp).echo(asked)


@pytest.mark.parametrize("key", ["", "x" * 42, "x" * 44, "!" * 43])
def test_a_key_that_is_none_is_said_to_be(key: str) -> None:
    with pytest.raises(ValueError, match="43"):
        key_of(key)
