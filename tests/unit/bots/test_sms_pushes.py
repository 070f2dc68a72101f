"""What is pushed is read, or refused in our own words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.gateway.adapter import Malformed
from bots.sms.aliyun_pushes import pushed
from bots.sms.provider import Lost, normalised

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
    found = pushed(body)
    (said,) = found.texted
    assert (said.number, said.text) == ("13712345678", "空调不制冷")
    assert (said.id, said.at.isoformat()) == ("1234567890", "2026-11-23T10:00:00+08:00")
    assert found.lost == [Lost("137****5678", "MOBILE_NOT_ON_SERVICE")]
    assert (found.ignored, found.broken) == (0, 0)


def test_a_sequence_that_comes_as_a_number_is_the_same_message() -> None:
    (said,) = pushed(json.dumps([{**UP, "sequence_id": 1234567890}]).encode()).texted
    assert said.id == "1234567890"


def test_one_bad_entry_does_not_take_the_others_with_it() -> None:
    audit = {"template_status": "approved"}
    found = pushed(json.dumps([{**UP, "phone_number": "10086"}, UP, audit]).encode())
    assert [said.number for said in found.texted] == ["13712345678"]
    assert (found.ignored, found.broken) == (1, 1)


def test_a_push_without_one_good_entry_is_refused() -> None:
    with pytest.raises(Malformed):
        pushed(json.dumps([{**UP, "phone_number": "10086"}]).encode())


@given(st.lists(ENTRIES | st.builds(lambda more: {**UP, **more}, ENTRIES)) | SCALARS)
def test_no_push_breaks_the_reader(entries: object) -> None:
    try:
        found = pushed(json.dumps(entries).encode())
    except Malformed:
        return
    assert all(normalised(one.number) == one.number for one in found.texted)


@given(st.binary())
def test_no_bytes_break_the_reader(body: bytes) -> None:
    try:
        pushed(body)
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
