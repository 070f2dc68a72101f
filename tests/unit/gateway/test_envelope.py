"""Whatever is put into a sealed envelope, the door gives one refusal and never breaks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.gateway.adapter import Callback, CallbackError
from bots.gateway.tencent import Envelope, key_of, signed

STAMP = "1409659813"
TOKEN, KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"


@given(sealed=st.text(max_size=80) | st.binary(max_size=80).map(lambda b: b.hex()))
def test_ciphertext_of_any_kind_never_breaks_the_door(sealed: str) -> None:
    envelope = Envelope(TOKEN, KEY, "wx1", lambda: datetime.fromtimestamp(int(STAMP), UTC))
    query = {"timestamp": STAMP, "nonce": "n", "echostr": sealed}
    query["msg_signature"] = signed(TOKEN, STAMP, "n", sealed)
    with pytest.raises(CallbackError):
        envelope.echo(Callback("GET", query))


@pytest.mark.parametrize("key", ["", "x" * 42, "x" * 44, "!" * 43])
def test_a_key_that_is_none_is_said_to_be(key: str) -> None:
    with pytest.raises(ValueError, match="43"):
        key_of(key)
