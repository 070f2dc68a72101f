"""Clips as telephones make them come out as what went in; what strangers make of them comes out as
nothing, soon. FFmpeg's and Skype's encoders, which nobody here wrote, record what is compared.
"""

from __future__ import annotations

import contextlib
import random
import struct
import time

import numpy as np
import pytest

from paidan.voice import sound
from paidan.voice.sound import RATE, Samples, TooLong, Unreadable, decode
from tests.vendors import recorder

SWEEP = recorder.sweep()
LIKE = {"amr": 0.9, "m4a": 0.95, "aac": 0.95}
"""How much a clip is like the original where telephone quality or an encoder's start costs it."""


def likeness(one: Samples, other: Samples) -> float:
    """The highest correlation of two sounds over all delays: 1 for the same, about 0 for others."""
    size = 1 << 18
    spectra = [np.fft.rfft(each.astype(float), size) for each in (one, other)]
    shifted = np.fft.irfft(spectra[0] * np.conj(spectra[1]), size)
    energy = [float((each.astype(float) ** 2).sum()) for each in (one, other)]
    return float(shifted.max() / np.sqrt(energy[0] * energy[1]))


@pytest.mark.parametrize("form", recorder.FORMS)
def test_every_form_sounds_as_it_was_recorded(form: str) -> None:
    heard = decode(recorder.record(SWEEP, form), 60)
    assert len(heard) / RATE == pytest.approx(2.0, abs=0.1)
    assert likeness(heard, SWEEP) > LIKE.get(form, 0.99)
    assert likeness(heard, recorder.noise()) < 0.2


@pytest.mark.parametrize("wechat", [True, False])
def test_silk_sounds_as_it_was_recorded(wechat: bool) -> None:
    clip = recorder.silk(SWEEP, wechat=wechat)
    assert clip.startswith(b"\x02#!SILK_V3" if wechat else b"#!SILK_V3")
    heard = decode(clip, 60)
    assert len(heard) == len(SWEEP)
    assert likeness(heard, SWEEP) > 0.95


@pytest.mark.parametrize("form", ["amr", "ogg", "mp3", "wav", "flac", "silk"])
def test_a_clip_that_is_cut_off_counts_as_far_as_it_goes(form: str) -> None:
    whole = recorder.silk(SWEEP) if form == "silk" else recorder.record(SWEEP, form)
    heard = decode(whole[: len(whole) * 2 // 3], 60)
    assert 0.4 < len(heard) / len(SWEEP) < 0.95
    assert likeness(heard, SWEEP[: len(heard)]) > 0.85


def test_a_film_has_its_sound_at_the_end_and_cut_off_none() -> None:
    whole = recorder.record(SWEEP, "m4a")
    with pytest.raises(Unreadable):
        decode(whole[: len(whole) * 2 // 3], 60)


# --- too much -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["amr", "ogg", "flac", "mp3", "silk"])
def test_a_long_silence_in_a_few_bytes_stops_at_the_limit(form: str) -> None:
    minute = recorder.silence(60)
    clip = recorder.silk(minute) if form == "silk" else recorder.record(minute, form)
    assert len(clip) < sound.LARGEST
    with pytest.raises(TooLong):
        decode(clip, 5)


def test_a_clip_of_just_the_longest_length_is_heard() -> None:
    assert len(decode(recorder.record(SWEEP, "wav"), 2.0)) == len(SWEEP)
    with pytest.raises(TooLong):
        decode(recorder.record(SWEEP, "wav"), 1.99)


def test_a_file_that_is_too_large_is_not_opened() -> None:
    with pytest.raises(TooLong):
        decode(b"#!AMR\n" + b"\0" * sound.LARGEST, 60)


def wav(rate: int, channels: int = 1, size: int = 64_000, bits: int = 16) -> bytes:
    """A head that says so, and sound behind it."""
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * frame & 0xFFFFFFFF, frame, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", size + 36 & 0xFFFFFFFF) + body + b"\1" * 64_000


@pytest.mark.parametrize(
    "clip",
    [
        wav(1),
        wav(100),
        wav(0xFFFFFFFF),
        wav(0),
        wav(16_000, channels=255),
        wav(16_000, channels=0),
    ],
    ids=["1 Hz", "100 Hz", "4 GHz", "0 Hz", "255 channels", "0 channels"],
)
def test_a_head_no_microphone_writes_is_refused(clip: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(Unreadable):
        decode(clip, 60)
    assert time.monotonic() - began < 5


def test_a_head_that_promises_gigabytes_gives_what_is_there() -> None:
    assert len(decode(wav(16_000, size=0xFFFFFFFF), 60)) == 32_000


# --- what is no sound -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clip",
    [
        b"",
        b"\x02",
        b"#!SILK_V3",
        b"#!SILK_V3" + b"\xff" * 9,
        b"\x02#!SILK_V3\x10",
        b"#!SILK_V3\xff\x7f" + b"a" * 99,
        b"#!AMR\n",
        b"OggS",
        b"RIFF\0\0\0\0WAVE",
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"\0" * 64,
        b"\xff\xfb" * 200,
        b"\xff\xff\xff\xffftypM4A \xff\xff\xff\xffmoov",
        b"\0\0\0\x18ftypM4A " + b"\0" * 8 + b"\0\0\0\x08moov" * 500,
        b"\x1aE\xdf\xa3" + b"\xff" * 200,
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/a.ts\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        b"<?xml version='1.0'?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 99,
        b"PK\x03\x04" + b"\0" * 99,
    ],
    ids=lambda clip: repr(clip[:12]),
)
def test_what_is_no_sound_is_refused(clip: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(clip, 60)


def test_a_tenth_of_a_second_is_no_clip() -> None:
    with pytest.raises(Unreadable):
        decode(recorder.record(SWEEP[:1_000], "wav"), 60)


@pytest.mark.parametrize("form", [*recorder.FORMS, "silk"])
def test_no_damage_does_more_than_spoil_the_sound(form: str) -> None:
    """A hundred clips of each form with bytes changed, cut out and put in: sound or a refusal."""
    chance = random.Random(form)
    short = SWEEP[:8_000]
    whole = recorder.silk(short) if form == "silk" else recorder.record(short, form)
    for _ in range(100):
        clip = bytearray(whole)
        for _ in range(chance.choice([1, 4, 40])):
            clip[chance.randrange(len(clip))] = chance.randrange(256)
        if chance.random() < 0.3:
            del clip[chance.randrange(len(clip)) :]
        if chance.random() < 0.3:
            at = chance.randrange(len(clip) + 1)
            clip[at:at] = chance.randbytes(chance.randrange(64))
        with contextlib.suppress(Unreadable, TooLong):
            assert len(decode(bytes(clip), 3)) <= 3 * RATE
