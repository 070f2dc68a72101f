"""Trying it: a clip by hand, and the doctor's plain tone, in which nobody says anything."""

from __future__ import annotations

import asyncio
import io
import math
import time
import wave
from array import array
from typing import Final

from bots.gateway.adapter import Finding
from paidan.voice.equipment import WORDS, Lacking, files
from paidan.voice.section import Voice
from paidan.voice.stenographer import Heard, Stenographer

_RATE: Final = 16_000
_PITCH: Final = 440.0
_LOUD: Final = 9_000
_WHY: Final[dict[str, tuple[str, str]]] = {
    "silence": ("没有人声", "nobody speaks in it"),
    "no_words": ("听不出可信的话", "nothing credible was heard"),
    "too_long": (
        "语音太长或太大，最长 {} 秒；要听更长的，调大 voice.seconds",
        "the clip is too long or too large, {} s at most; raise voice.seconds for longer ones",
    ),
    "unreadable": (
        "不是认得的声音文件；认得 AMR、OGG/Opus、SILK、MP3、WAV、M4A",
        "no sound file we know; AMR, OGG/Opus, SILK, MP3, WAV and M4A are known",
    ),
    "busy": ("排队的语音太多", "too many clips are waiting"),
    "timeout": (
        "{} 秒内没有听完；调大 voice.timeout，或换小一点的模型",
        "not done within {} s; raise voice.timeout, or use a smaller model",
    ),
    "crashed": ("解码或识别的进程崩了，这段语音请人听", "the decoder crashed over this clip"),
}


def none_heard(heard: Heard, voice: Voice, locale: str = "zh_CN") -> str:
    """Why a clip has no words, and what can be done about it."""
    pair = _WHY.get(heard.why) or WORDS[heard.why]
    facts = heard.facts or {"too_long": (voice.seconds,), "timeout": (voice.timeout,)}.get(
        heard.why, ()
    )
    return (pair[0] if locale.startswith("zh") else pair[1]).format(*facts)


async def once(voice: Voice, clip: bytes, names: tuple[str, ...] = ()) -> Heard:
    """One clip through a process of its own.

    Raises:
        Lacking: something it needs is not there.
    """
    files(voice)
    stenographer = Stenographer(voice)
    try:
        return await stenographer.write_down(clip, names)
    finally:
        await stenographer.close()


def examine(voice: Voice, locale: str = "zh_CN") -> Finding:
    """Whether voice is put into words, and a tone is not."""
    since = time.monotonic()
    try:
        heard = asyncio.run(once(voice, tone()))
    except Lacking as lacking:
        level = "warn" if lacking.code == "voice_off" else "fail"
        return Finding(level, lacking.code, lacking.facts)  # type: ignore[arg-type]  # one of three
    if heard.words:
        return Finding("fail", "voice_invents", (heard.words[:60],))
    if heard.why in WORDS:
        return Finding("fail", heard.why, heard.facts)
    if heard.why not in {"silence", "no_words"}:
        return Finding("fail", "voice_failed", (none_heard(heard, voice, locale),))
    took = f"{time.monotonic() - since:.1f}"
    return Finding("ok", "voice", (voice.engine, str(voice.model), took))


def tone(seconds: float = 2.0) -> bytes:
    """A plain 440 Hz tone as WAV."""
    step = 2 * math.pi * _PITCH / _RATE
    loud = array("h", (int(_LOUD * math.sin(step * at)) for at in range(int(seconds * _RATE))))
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, _RATE, len(loud), "NONE", ""))
        written.writeframes(loud.tobytes())
    return file.getvalue()
