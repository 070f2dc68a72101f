"""Logs go to stderr, as text or JSON, and never hold a number or a secret whole."""

from __future__ import annotations

import json
import logging
from typing import Literal

import pytest
import structlog
from aiohttp.http_exceptions import BadStatusLine, LineTooLong

from paidan.logs import configure
from paidan.settings import Log
from workflow.tracing import cause_of, caused_by


def test_json_lines_on_stderr_with_phones_masked(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(level="info", format="json"))
    log = structlog.get_logger("paidan.test")
    log.debug("not shown")
    log.info("told 13812345678", to={"phone": ["13912345678"]}, serial="113812345678")
    said = capsys.readouterr()
    assert said.out == ""
    event = json.loads(said.err)
    assert event["event"] == "told 138****5678"
    assert event["to"] == {"phone": ["139****5678"]}
    assert event["serial"] == "113812345678"
    assert event["timestamp"][10] == "T"


def test_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(level="warning", format="text"))
    structlog.get_logger("paidan.test").warning("电话 13812345678")
    assert "电话 138****5678" in capsys.readouterr().err


HOSTILE = {
    "mobile": ("13812345678", "13812345678"),
    "mobile, spaced": ("138 1234 5678", "1234 5678"),
    "mobile, dashed": ("138-1234-5678", "1234-5678"),
    "mobile, dotted": ("138.1234.5678", "1234.5678"),
    "mobile, split otherwise": ("138 12 34 56 78", "12 34 56 78"),
    "mobile, country": ("+8613812345678", "13812345678"),
    "mobile, country spaced": ("+86 138 1234 5678", "1234 5678"),
    "mobile, 0086": ("008613812345678", "13812345678"),
    "mobile, wide": ("１３８１２３４５６７８", "１２３４５６"),
    "mobile, no-break spaces": ("138\u00a01234\u00a05678", "1234\u00a05678"),
    "mobile among letters": ("tel13812345678ok", "13812345678"),
    "mobile, spelt": ("一三八一二三四五六七八", "一二三四五六"),
    "landline": ("021-68886666", "68886666"),
    "landline, spaced": ("0571 8888 6666", "8888 6666"),
    "landline, brackets": ("(010)62345678", "62345678"),
    "landline, named": ("座机：62345678", "62345678"),
    "abroad": ("+1 415 555 2671", "555 2671"),
    "identity card": ("11010119900307851X", "19900307"),
    "mail": ("zhang.san@example.com", "zhang.san"),
    "bot address": ("https://t.example/bot123456:AAHdqTcvCH1vGWJx/getMe", "AAHdqTcv"),
    "bot token": ("123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "AAHdqTcv"),
    "webhook": ("https://q.example/webhook/send?key=693a91f6-7aaa", "693a91f6"),
    "query": ("https://o.example/send?a=1&access_token=66dabc&sign=x%3D", "66dabc"),
    "signature": ("POST /hooks/wecom?msg_signature=477715d11c&echostr=1", "477715d11c"),
    "json": ('{"corpsecret": "q-w\\"e-r", "n": 1}', "q-w"),
    "repr": ("{'client_secret': 'qwe-rty'}", "qwe-rty"),
    "bearer": ("Authorization: Bearer qwe.rty", "qwe.rty"),
    "bearer alone": ("sent with Bearer qwe.rty", "qwe.rty"),
    "basic": ("authorization=Basic dXNlcjpwYXNzd29yZA==", "dXNlcj"),
    "cookie": ("Cookie: paidan_session=qwerty; paidan_visitor=abcdef", "abcdef"),
    "telegram header": ("X-Telegram-Bot-Api-Secret-Token: hook-secret-1", "hook-secret-1"),
    "dingtalk header": ("x-acs-dingtalk-access-token: qwertyuiop", "qwertyuiop"),
    "user in an address": ("postgresql://paidan:p@ss/w@db/x", "p@ss"),
    "no user": ("redis://:hunter2@127.0.0.1:6379", "hunter2"),
    "sign-in link": ("https://p.example/login/eyJ0Ijox.c2ln", "c2ln"),
    "action link": ("GET /do/WyJhIl0.c2ln failed", "c2ln"),
    "openid": ("oLVPpjqs9BhvzwPj5A-vTYAX3GLc", "vTYAX3GLc"),
    "external contact": ("wmAbCdEfGhIjKlMnOpQrStUvWxYz0123", "StUvWxYz"),
}


@pytest.mark.parametrize(("said", "never"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("form", ["json", "text"])
def test_what_may_not_stand_whole_never_does(
    capsys: pytest.CaptureFixture[str], form: Literal["json", "text"], said: str, never: str
) -> None:
    configure(Log(level="debug", format=form))
    ours, library = structlog.get_logger("paidan.test"), logging.getLogger("httpx")
    ours.info(said)
    ours.info(f"客户说：{said}，请回电", why=said, more={"in": [said, (said,)], said: 1})
    ours.warning("an object", thing=Exception(said), some={said})
    library.warning("HTTP Request: %s", said)
    library.error("with an argument", extra={"said": said}, stack_info=True)
    try:
        int(f"#{said}")
    except ValueError:
        ours.exception("failed")
        library.exception("failed: %r", {"x": said})
    written = capsys.readouterr().err
    lines = [line for line in written.splitlines() if said.split("\n", 1)[0][:3]]
    assert len(lines) >= 7
    assert never not in written
    assert never not in written.encode().decode("unicode_escape", "ignore")


@pytest.mark.parametrize(
    "harmless",
    [
        "WO-20261121-0007 is late",
        "errcode=40001 status_code=500",
        "2026-11-26T11:19:20.992865+08:00",
        "at 1764154321217 from 192.168.100.100:8080",
        "the token expired",
        "01JD8Z3V4W5X6Y7Z8A9B0C1D2E",
    ],
)
def test_what_helps_to_mend_stays(capsys: pytest.CaptureFixture[str], harmless: str) -> None:
    configure(Log(format="json"))
    structlog.get_logger("paidan.test").info(harmless, why=harmless)
    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["why"]) == (harmless, harmless)


def test_a_secret_by_its_name_alone(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(format="json"))
    told = {"token": "abc", "Cookie": "a=b", "headers": {"secret": "s"}}
    structlog.get_logger("paidan.test").info("x", **told)
    event = json.loads(capsys.readouterr().err)
    assert (event["token"], event["Cookie"], event["headers"]) == ("***", "***", {"secret": "***"})


def test_libraries_write_the_same_lines_and_only_warn(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(level="debug", format="json"))
    for name in ("aiohttp.access", "telegram.ext", "httpx", "sqlalchemy.engine"):
        logging.getLogger(name).info("not shown")
        logging.getLogger(name).warning("shown %d", 1)
    logging.getLogger("bots.telegram").debug("ours is shown")
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["event"] for event in events] == ["shown 1"] * 4 + ["ours is shown"]
    assert events[0]["logger"] == "aiohttp.access"
    assert {"level", "timestamp"} <= set(events[0])


def test_what_strangers_send_that_is_no_http_is_not_written_down(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(Log(format="json"))
    server = logging.getLogger("aiohttp.server")
    for error in (BadStatusLine("x"), LineTooLong(b"x" * 100, 10), ValueError("ours")):
        try:
            raise error
        except (BadStatusLine, LineTooLong, ValueError):
            server.exception("Error handling request")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ours" in line


def test_one_line_is_one_event(capsys: pytest.CaptureFixture[str]) -> None:
    forged = "he said\n2026-01-01 [error] paid\r\x1b[2J"
    configure(Log(format="json"))
    logging.getLogger("bots").warning(forged)
    assert len(capsys.readouterr().err.splitlines()) == 1
    configure(Log(format="text"))
    structlog.get_logger("paidan.test").warning(forged, why=forged)
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "\x1b[2J" not in written


def test_what_a_line_goes_back_to(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(format="json"))
    with caused_by(cause_of("demo", "m1")):
        structlog.get_logger("paidan.test").info("ours")
        logging.getLogger("bots").info("of a library")
    structlog.get_logger("paidan.test").info("nobody's")
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event.get("trace") for event in events] == [cause_of("demo", "m1")] * 2 + [None]
