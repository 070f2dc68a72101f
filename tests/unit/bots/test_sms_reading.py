"""What is pushed is read, or refused in our own words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.gateway.adapter import Malformed
from bots.sms.reading import Lost, normalised, pushed

UP = {
    "phone_number": "13712345678",
    "content": "空调不制冷",
    "send_time": "2026-11-23 10:00:00",
    "dest_code": "1234",
    "sequence_id": "1234567890",
}
REPORT = {
    "phone_number": "13712345678",
    "send_time": "2026-11-23 10:00:00",
    "report_time": "2026-11-23 10:00:03",
    "success": False,
    "err_code": "MOBILE_NOT_ON_SERVICE",
    "err_msg": "手机不在服务区",
    "sms_size": "1",
    "biz_id": "12345",
    "out_id": "67890",
}
NAMES = st.sampled_from(sorted({*UP, *REPORT}))
SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.just(UP["send_time"])
ENTRIES = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS))


def test_a_batch_of_messages_and_reports_is_read() -> None:
    body = json.dumps([UP, REPORT, {**REPORT, "success": True}]).encode()
    (said,), lost = pushed(body, "demo")
    assert (said.chat, said.sender, said.text) == ("13712345678", "13712345678", "空调不制冷")
    assert (said.dedupe_key, said.sent_at.isoformat()) == (
        "sms:1234567890",
        "2026-11-23T10:00:00+08:00",
    )
    assert lost == [Lost("137****5678", "MOBILE_NOT_ON_SERVICE")]


def test_a_sequence_that_comes_as_a_number_is_the_same_message() -> None:
    (said,), _ = pushed(json.dumps([{**UP, "sequence_id": 1234567890}]).encode(), "demo")
    assert said.dedupe_key == "sms:1234567890"


def test_one_bad_entry_does_not_take_the_others_with_it() -> None:
    (said,), _ = pushed(json.dumps([{**UP, "phone_number": "10086"}, UP]).encode(), "demo")
    assert said.chat == "13712345678"


@given(st.lists(ENTRIES | st.builds(lambda more: {**UP, **more}, ENTRIES)) | SCALARS)
def test_no_push_breaks_the_reader(entries: object) -> None:
    try:
        said, _ = pushed(json.dumps(entries).encode(), "demo")
    except Malformed:
        return
    assert all(normalised(one.chat) == one.chat for one in said)


@given(st.binary())
def test_no_bytes_break_the_reader(body: bytes) -> None:
    try:
        pushed(body, "demo")
    except Malformed:
        return


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ("13712345678", "13712345678"),
        ("+86 137-1234-5678", "13712345678"),
        ("008613712345678", "13712345678"),
        ("+85261234567", "+85261234567"),
        ("12345", ""),
        ("+8612345678901", ""),
        ("13712345678,13712345679", ""),
        ("１３７１２３４５６７８", ""),
    ],
)
def test_numbers_are_written_one_way(given_: str, wanted: str) -> None:
    assert normalised(given_) == wanted
