"""The listening process may do as it likes: the house hears words, or why there are none."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from paidan.voice import stenographer
from paidan.voice.section import Voice
from paidan.voice.sound import LARGEST
from paidan.voice.stenographer import Heard, Stenographer
from tests.vendors import recorder
from tests.waiting import wait_until

Hire = Callable[..., Stenographer]


@pytest.fixture
async def hire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hire]:
    """Makes one whose process behaves like this."""
    root = Path(__file__).parents[3]
    monkeypatch.setenv("PYTHONPATH", f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    hired: list[Stenographer] = []

    def make(behaviour: str = "orders", idle: float = 900, **settings: Any) -> Stenographer:
        voice = Voice(model=tmp_path, **settings)
        command = (sys.executable, "-m", "tests.vendors.listener", behaviour)
        hired.append(Stenographer(voice, command, idle))
        return hired[-1]

    yield make
    for one in hired:
        await one.close()


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_words_come_back_with_the_length_of_the_clip(hire: Hire) -> None:
    pen = hire()
    assert await pen.write_down("words:空调不制冷".encode()) == Heard("空调不制冷", "", 1.0)
    assert await pen.write_down(b"why:silence") == Heard("", "silence", 1.0)
    named = await pen.write_down(b"names", ("锦绣苑", "冷冻机房"))
    assert named.words == "锦绣苑、冷冻机房"


async def test_one_process_hears_clip_after_clip_and_knows_no_secret(
    hire: Hire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIDAN__SECRET_KEY", "k" * 40)
    monkeypatch.setenv("SOME_TOKEN", "t")
    pen = hire()
    first, second = [await pen.write_down(b"process") for _ in range(2)]
    assert first.words == second.words
    told = (await pen.write_down(b"environment")).words
    assert "PATH" in told
    assert "PAIDAN" not in told
    assert "TOKEN" not in told


async def test_a_crash_costs_one_clip_and_the_next_is_heard(hire: Hire) -> None:
    pen = hire()
    assert (await pen.write_down(b"crash")).why == "crashed"
    assert (await pen.write_down(b"garbage")).why == "crashed"
    assert (await pen.write_down(b"words:ok")).words == "ok"


async def test_a_process_that_hangs_is_killed_when_the_time_is_up(hire: Hire) -> None:
    pen = hire(timeout=1)
    process = int((await pen.write_down(b"process")).words)
    assert (await pen.write_down(b"hang")).why == "timeout"
    assert not alive(process)
    assert (await pen.write_down(b"words:ok")).words == "ok"


async def test_whoever_waits_too_long_or_finds_too_many_waiting_is_told_at_once(
    hire: Hire,
) -> None:
    pen = hire(timeout=1, waiting=2)
    await pen.write_down(b"words:awake")
    clips = (b"hang", b"words:second", b"words:third")
    heard = await asyncio.gather(*map(pen.write_down, clips))
    assert [one.why for one in heard] == ["timeout", "busy", "busy"]
    assert (await pen.write_down(b"words:ok")).words == "ok"


async def test_a_clip_nobody_waits_for_any_more_takes_its_process_with_it(hire: Hire) -> None:
    pen = hire()
    process = int((await pen.write_down(b"process")).words)
    task = asyncio.create_task(pen.write_down(b"hang"))
    await wait_until(lambda: _soon(pen._turn.locked()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(process)


async def test_what_is_too_large_never_reaches_the_process(hire: Hire, tmp_path: Path) -> None:
    assert (await hire().write_down(b"\0" * (LARGEST + 1))).why == "too_long"
    assert not (tmp_path / "started").exists()


async def test_one_that_cannot_begin_says_why_and_is_not_begun_with_every_clip(
    hire: Hire, tmp_path: Path
) -> None:
    pen = hire("unready")
    heard = [await pen.write_down(b"words:x") for _ in range(3)]
    assert {(one.why, one.facts) for one in heard} == {("voice_unloaded", ("m", "bad magic"))}
    assert len((tmp_path / "started").read_text().split()) == 1


async def test_one_that_never_gets_ready_is_given_up(
    hire: Hire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stenographer, "LOAD_WITHIN", 0.5)
    assert (await hire("mute").write_down(b"words:x")).why == "voice_slow"


async def test_one_that_ends_before_it_is_ready_says_so(hire: Hire) -> None:
    assert (await hire("nothing").write_down(b"words:x")).why == "voice_died"


async def test_nobody_speaking_for_a_while_ends_the_process_and_the_next_clip_begins_one(
    hire: Hire,
) -> None:
    pen = hire(idle=0.05)
    process = int((await pen.write_down(b"process")).words)
    await wait_until(lambda: _soon(not alive(process)))
    again = await pen.write_down(b"process")
    assert int(again.words) != process


async def test_who_speaks_just_as_the_process_is_ended_is_heard_by_the_next(hire: Hire) -> None:
    pen = hire()
    process = int((await pen.write_down(b"process")).words)
    pen._dismiss()
    again = await pen.write_down(b"process")
    assert int(again.words) != process


async def test_a_missing_program_is_no_words(tmp_path: Path) -> None:
    pen = Stenographer(Voice(model=tmp_path), (str(tmp_path / "nothing"),))
    assert (await pen.write_down(b"x")).why == "crashed"
    await pen.close()


async def test_the_real_process_decodes_what_telephones_send_and_refuses_the_rest(
    hire: Hire,
) -> None:
    pen = hire("tones", seconds=5)
    tone = recorder.tone(600)
    clips = [recorder.record(tone, form) for form in ("amr", "ogg", "mp3", "wav", "m4a")]
    for clip in (*clips, recorder.silk(tone)):
        heard = await pen.write_down(clip)
        assert (heard.words, round(heard.seconds)) == ("锦绣苑3栋2单元501空调不制冷", 2)
    silence = recorder.record(recorder.silence(), "amr")
    unknown = recorder.record(recorder.tone(2_000), "ogg")
    long = recorder.record(recorder.tone(600, 6), "amr")
    heard_of = [await pen.write_down(clip) for clip in (silence, unknown, long, b"MZ\x90")]
    assert [one.why for one in heard_of] == ["silence", "no_words", "too_long", "unreadable"]


async def _soon(seen: bool) -> bool:
    return seen
