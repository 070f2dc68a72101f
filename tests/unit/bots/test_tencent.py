"""The envelope of Tencent's platforms, against published vectors and Tencent's own npm package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from wechatpy.enterprise.crypto import WeChatCrypto

from bots.gateway.adapter import Callback, Forged, Malformed
from bots.gateway.tencent import Envelope, fields_of, object_of, signed
from tests.vendors import judges

TOKEN, KEY, CORP = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7"
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Vector:
    """One sealed message as published."""

    token: str
    aes_key: str
    receiver: str
    timestamp: str
    nonce: str
    signature: str
    sealed: str
    plain: str

    def callback(self, **changed: str) -> Callback:
        """The call that brings it."""
        given = self.signature or signed(self.token, self.timestamp, self.nonce, self.sealed)
        query = {"msg_signature": given, "timestamp": self.timestamp, "nonce": self.nonce}
        return Callback("GET", {**query, "echostr": self.sealed, **changed})

    def envelope(self, receiver: str = "") -> Envelope:
        """Ours, at the time when it was sealed."""
        now = datetime.fromtimestamp(int(self.timestamp), UTC)
        return Envelope(self.token, self.aes_key, receiver or self.receiver, lambda: now)


VECTORS = [
    pytest.param(
        Vector(
            token="QDG6eK",
            aes_key="jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
            receiver="wx5823bf96d3bd56c7",
            timestamp="1409659589",
            nonce="263014780",
            signature="5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
            sealed=(
                "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZ"
                "XvnaqQ=="
            ),
            plain=("1616140317555161061"),
        ),
        id="tencent-sample-echostr",
    ),  # Tencent WXBizMsgCrypt Sample
    pytest.param(
        Vector(
            token="QDG6eK",
            aes_key="jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
            receiver="wx5823bf96d3bd56c7",
            timestamp="1409659813",
            nonce="1372623149",
            signature="477715d11cdb4164915debcba66cb864d751f3e6",
            sealed=(
                "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHH"
                "hGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4a"
                "SknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP"
                "7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8"
                "V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p"
                "8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
            ),
            plain=(
                "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>\n"
                "<FromUserName><![CDATA[mycreate]]></FromUserName>\n"
                "<CreateTime>1409659813</CreateTime>\n"
                "<MsgType><![CDATA[text]]></MsgType>\n"
                "<Content><![CDATA[hello]]></Content>\n"
                "<MsgId>4561255354251345929</MsgId>\n"
                "<AgentID>218</AgentID>\n"
                "</xml>"
            ),
        ),
        id="tencent-sample-post",
    ),  # official doc path/90968 mirrored in wdk-docs/wework-docs source/append
    pytest.param(
        Vector(
            token="123456",
            aes_key="kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
            receiver="wx49f0ab532d5d035a",
            timestamp="1411443780",
            nonce="437374425",
            signature="dd6b9c95b495b3f7e2901bfbc76c664930ffdb96",
            sealed=(
                "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOch"
                "LF6p+Q=="
            ),
            plain=("5927782489442352469"),
        ),
        id="wechatpy-echostr",
    ),  # wechatpy/wechatpy tests/test_crypto.py (MIT)
    pytest.param(
        Vector(
            token="123456",
            aes_key="kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
            receiver="wx49f0ab532d5d035a",
            timestamp="1411525903",
            nonce="461056294",
            signature="74d92dfeb87ba7c714f89d98870ae5eb62dff26d",
            sealed=(
                "RgqEoJj5A4EMYlLvWO1F86ioRjZfaex/gePD0gOXTxpsq5Yj4GNglrBb8I2BAJVODGajiFnXBu7mCPat"
                "fjsu6IHCrsTyeDXzF6Bv283dGymzxh6ydJRvZsryDyZbLTE7rhnus50qGPMfp2wASFlzEgMW9z1ef/RD"
                "8XzaFYgm7iTdaXpXaG4+BiYyolBug/gYNx410cvkKR2/nPwBiT+P4hIiOAQqGp/TywZBtDh1yCF2KOd0"
                "gpiMZ5jSw3e29mTvmUHzkVQiMS6td7vXUaWOMZnYZlF3So2SjHnwh4jYFxdgpkHHqIrH/54SNdshoQgW"
                "YEvccTKe7FS709/5t6NMxuGhcUGAPOQipvWTT4dShyqio7mlsl5noTrb++x6En749zCpQVhDpbV6GDnT"
                "bcX2e8K9QaNWHp91eBdCRxthuL0="
            ),
            plain=(
                "<xml><ToUserName><![CDATA[wx49f0ab532d5d035a]]></ToUserName>\n"
                "<FromUserName><![CDATA[messense]]></FromUserName>\n"
                "<CreateTime>1411525903</CreateTime>\n"
                "<MsgType><![CDATA[text]]></MsgType>\n"
                "<Content><![CDATA[test]]></Content>\n"
                "<MsgId>4363689963896700987</MsgId>\n"
                "<AgentID>1</AgentID>\n"
                "</xml>"
            ),
        ),
        id="wechatpy-post",
    ),  # wechatpy/wechatpy tests/test_crypto.py (MIT)
    pytest.param(
        Vector(
            token="123456",
            aes_key="kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
            receiver="wx49f0ab532d5d035a",
            timestamp="1411525903",
            nonce="461056294",
            signature="407518b7649e86ef23978113f92d27afa9296533",
            sealed=(
                "9s4gMv99m88kKTh/H8IdkOiMg6bisoy3ypwy9H4hvSPe9nsGaqyw5hhSjdYbcrKk+j3nba4HMOTzHrlu"
                "LBYqxgNcBqGsL8GqxlhZgURnAtObvesEl5nZ+uBE8bviY0LWke8Zy9V/QYKxNV2FqllNXcfmstttyIkM"
                "KCCmVbCFM2JTF5wY0nFhHZSjPUL2Q1qvSUCUld+/WIXrx0oyKQmpB6o8NRrrNrsDf03oxI1p9FxUgMnw"
                "KKZeOA/uu+2IEvEBtb7muXsVbwbgX05UPPJvFurDXafG0RQyPR+mf1nDnAtQmmNOuiR5MIkdQ39xn1vW"
                "wi1O5oazPoQJz0nTYjxxEE8kv3kFxtAGVRe3ypD3WeK2XeFYFMNMpatF9XiKzHo3"
            ),
            plain=(
                "<xml>\n"
                "<MsgType><![CDATA[text]]></MsgType>\n"
                "<Content><![CDATA[test]]></Content>\n"
                "<FromUserName><![CDATA[wx49f0ab532d5d035a]]></FromUserName>\n"
                "<ToUserName><![CDATA[messense]]></ToUserName>\n"
                "<AgentID>1</AgentID>\n"
                "<CreateTime>1411525903</CreateTime>\n"
                "</xml>"
            ),
        ),
        id="wechatpy-encrypt-fixed-random",
    ),  # wechatpy/wechatpy tests/test_crypto.py (MIT)
    pytest.param(
        Vector(
            token="pamtest",
            aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
            receiver="wxb11529c136998cb6",
            timestamp="1409304348",
            nonce="xxxxxx",
            signature="",
            sealed=(
                "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP7"
                "2vVOfg=="
            ),
            plain=("我是中文abcd123"),
        ),
        id="wxjava-encrypt-1",
    ),  # Wechat-Group/WxJava weixin-java-common/.../WxCryptUtilTest.java (Apach
    pytest.param(
        Vector(
            token="spamtest",
            aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
            receiver="wx2c2769f8efd9abc2",
            timestamp="1409735669",
            nonce="1320562132",
            signature="5d197aaffba7e9b25a30732f161a50dee96bd5fa",
            sealed=(
                "hyzAe4OzmOMbd6TvGdIOO6uBmdJoD0Fk53REIHvxYtJlE2B655HuD0m8KUePWB3+LrPXo87wzQ1QLvbe"
                "UgmBM4x6F8PGHQHFVAFmOD2LdJF9FrXpbUAh0B5GIItb52sn896wVsMSHGuPE328HnRGBcrS7C41IzDW"
                "yWNlZkyyXwon8T332jisa+h6tEDYsVticbSnyU8dKOIbgU6ux5VTjg3yt+WGzjlpKn6NPhRjpA912xMe"
                "zR4kw6KWwMrCVKSVCZciVGCgavjIQ6X8tCOp3yZbGpy0VxpAe+77TszTfRd5RJSVO/HTnifJpXgCSUdU"
                "ue1v6h0EIBYYI1BD1DlD+C0CR8e6OewpusjZ4uBl9FyJvnhvQl+q5rv1ixrcpCumEPo5MJSgM9ehVsNP"
                "fUM669WuMyVWQLCzpu9GhglF2PE="
            ),
            plain=(
                "<xml><ToUserName><![CDATA[gh_10f6c3c3ac5a]]></ToUserName>\n"
                "<FromUserName><![CDATA[oyORnuP8q7ou2gfYjqLzSIWZf0rs]]></FromUserName>\n"
                "<CreateTime>1409735668</CreateTime>\n"
                "<MsgType><![CDATA[text]]></MsgType>\n"
                "<Content><![CDATA[abcdteT]]></Content>\n"
                "<MsgId>6054768590064713728</MsgId>\n"
                "</xml>"
            ),
        ),
        id="tencent-mp-sample-post",
    ),  # Tencent mp WXBizMsgCrypt Sample.py values
    pytest.param(
        Vector(
            token="123456",
            aes_key="1234567890123456789012345678901234567890123",
            receiver="dingsnotzck6pm5veliw",
            timestamp="1614767836",
            nonce="A7Co0cJLMzIDtMMI",
            signature="9a95a004dd16f5c307e849b994173f76aa26e5eb",
            sealed=(
                "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1x"
                "AFJ5ZA=="
            ),
            plain=("success"),
        ),
        id="dingtalk-event-success",
    ),  # open.dingtalk.com configure-stream-push, mirrored in apolloyyu/kb-ding
]


@pytest.mark.parametrize("vector", VECTORS)
def test_published_messages_open(vector: Vector) -> None:
    assert vector.envelope().echo(vector.callback()).decode() == vector.plain


@pytest.mark.parametrize("vector", VECTORS)
def test_a_wrong_signature_receiver_or_hour_is_forged(vector: Vector) -> None:
    with pytest.raises(Forged):
        vector.envelope().echo(vector.callback(msg_signature="0" * 40))
    with pytest.raises(Forged):
        vector.envelope("ww-somebody-else").echo(vector.callback())
    late = datetime.fromtimestamp(int(vector.timestamp), UTC) + timedelta(hours=1)
    with pytest.raises(Forged):
        Envelope(vector.token, vector.aes_key, vector.receiver, lambda: late).echo(
            vector.callback()
        )


@pytest.mark.parametrize(
    ("token", "timestamp", "nonce", "signature"),
    [
        ("spamtest", "1409735669", "1320562132", "16120ec1b8dbb870f510d87ce6bc2463eae6ca1a"),
        ("789", "456", "123", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    ],
)
def test_plain_signatures(token: str, timestamp: str, nonce: str, signature: str) -> None:
    assert signed(token, timestamp, nonce) == signature


@pytest.mark.parametrize("sealed", ["", "!", "AAAA", "A" * 43, "A" * 64, "é" * 64])
def test_what_cannot_be_opened_is_malformed(sealed: str) -> None:
    envelope = Envelope(TOKEN, KEY, CORP, lambda: NOW)
    at = str(int(NOW.timestamp()))
    query = {"msg_signature": signed(TOKEN, at, "1", sealed), "timestamp": at, "nonce": "1"}
    with pytest.raises((Malformed, Forged)):
        envelope.echo(Callback("GET", {**query, "echostr": sealed}))


@pytest.mark.parametrize(
    "body",
    [
        b"<xml>" + b"<a/>" * 200_000 + b"</xml>",
        b"<a>" * 200_000 + b"</a>" * 200_000,
        b"<xml " + b" ".join(b"a%d=''" % n for n in range(10_000)) + b"/>",
        b"<xml><a>" + b"x" * 300_000 + b"</a></xml>",
    ],
    ids=["wide", "deep", "attributes", "long"],
)
def test_xml_that_no_platform_sends_is_not_even_parsed(body: bytes) -> None:
    with pytest.raises(Malformed, match="more XML than any message has"):
        fields_of(body)


def test_words_full_of_brackets_are_words() -> None:
    words = "<" * 2000 + "=" * 2000
    assert fields_of(f"<xml><a><![CDATA[{words}]]></a></xml>".encode()) == {"a": words}


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (fields_of, b""),
        (fields_of, b"<xml>"),
        (fields_of, b"<a/>"),
        (fields_of, b"<xml>text</xml>"),
        (fields_of, b'<!DOCTYPE a [<!ENTITY b "c">]><xml><a>&b;</a></xml>'),
        (object_of, b"[1]"),
        (object_of, b"{"),
        (object_of, b"[" * 100_000),
    ],
)
def test_what_cannot_be_read_is_malformed(read: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body)


def test_wechatpy_opens_what_we_seal() -> None:
    envelope = Envelope(TOKEN, KEY, CORP, lambda: NOW)
    sealed = fields_of(envelope.seal_xml("<xml><Content>好</Content></xml>"))
    opened = WeChatCrypto(TOKEN, KEY, CORP).decrypt_message(
        dict(sealed), sealed["MsgSignature"], sealed["TimeStamp"], sealed["Nonce"]
    )
    assert opened == "<xml><Content>好</Content></xml>"


def test_tencents_own_package_seals_what_we_open_and_opens_what_we_seal() -> None:
    envelope = Envelope(TOKEN, KEY, CORP, lambda: NOW)
    ours = object_of(envelope.seal_json({"text": "好" * 500}))
    given = {
        "key": KEY,
        "token": TOKEN,
        "corp": CORP,
        "at": str(int(NOW.timestamp())),
        "ours": ours,
        "message": "<xml><Content>灯坏了🔥</Content></xml>",
    }
    judged = judges.run(
        """
        const { encrypt, decrypt, getSignature } = require('@wecom/crypto');
        const sealed = encrypt(given.key, given.message, given.corp);
        console.log(JSON.stringify({
          sealed,
          signature: getSignature(given.token, given.at, '42', sealed),
          opened: decrypt(given.key, given.ours.encrypt),
          expected: getSignature(
            given.token, String(given.ours.timestamp), given.ours.nonce, given.ours.encrypt),
        }));
        """,
        given,
    )
    query = {"msg_signature": judged["signature"], "timestamp": given["at"], "nonce": "42"}
    body = f"<xml><Encrypt>{judged['sealed']}</Encrypt></xml>".encode()
    assert envelope.open_xml(Callback("POST", query, body=body)) == {"Content": "灯坏了🔥"}
    assert judged["opened"]["message"] == '{"text": "' + "好" * 500 + '"}'
    assert judged["opened"]["id"] == CORP
    assert judged["expected"] == ours["msgsignature"]
