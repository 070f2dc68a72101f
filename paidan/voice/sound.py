"""A voice clip as 16 kHz mono PCM, whatever a stranger sent: bounded in size, time and memory.

The container is told by its first bytes and named to the decoder, which so never guesses: formats
that fetch other files (playlists, concatenations) are out of reach. AMR, Opus, MP3, AAC and WAV are
read by PyAV (FFmpeg inside the wheel), SILK by silk-python.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

RATE: Final = 16_000
"""Samples a second of what comes out; what every speech model wants."""
LARGEST: Final = 12 * 1024 * 1024
"""Bytes of one clip: a minute of uncompressed stereo at 48 kHz."""
SHORTEST: Final = RATE // 10
"""Samples below which there is nothing to hear."""

Samples = NDArray[np.int16]

_SILK: Final = b"#!SILK_V3"
_PACKET: Final = 1_250
"""Bytes of the largest SILK packet: five frames of 250 (SKP_SILK_SDK_API.h)."""
_SLOWEST, _FASTEST, _CHANNELS = 4_000, 192_000, 8
"""Samples a second, and channels, of what a microphone gives."""
_CODECS: Final = frozenset(
    {"amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb", "opus", "libopus", "vorbis"}
    | {"libvorbis", "mp3", "mp3float", "aac", "flac", "pcm_s16le", "pcm_u8", "pcm_s24le"}
    | {"pcm_s32le", "pcm_f32le", "pcm_alaw", "pcm_mulaw", "alac"}
)
_OPENINGS: Final = (
    (0, b"#!AMR", "amr"),
    (0, b"OggS", "ogg"),
    (8, b"WAVE", "wav"),
    (0, b"fLaC", "flac"),
    (4, b"ftyp", "mov"),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (0, b"ID3", "mp3"),
    (0, b"\xff\xf1", "aac"),
    (0, b"\xff\xf9", "aac"),
)
_MP3_SYNC: Final = 0xE0
"""The three bits after 0xFF with which an MPEG audio frame begins."""


class Unreadable(Exception):
    """No sound can be had from these bytes."""


class TooLong(Exception):
    """The clip is longer, or larger, than is put into words."""


def decode(data: bytes, seconds: float) -> Samples:
    """The sound of a clip.

    Args:
        data: As it came.
        seconds: The longest clip; not one sample more is ever held.

    Raises:
        TooLong: It goes on after that, or is larger than :data:`LARGEST`.
        Unreadable: Nothing, or less than a tenth of a second, could be decoded. A clip that is cut
            off counts as far as it goes.
    """
    if len(data) > LARGEST:
        raise TooLong
    most = int(seconds * RATE)
    silk = data[:10].lstrip(b"\x02").startswith(_SILK)
    samples = _silk(data, most) if silk else _container(data, most)
    if len(samples) < SHORTEST:
        raise Unreadable
    return samples


def container(data: bytes) -> str:
    """The name by which FFmpeg knows the container; empty for what is no sound."""
    for at, opening, name in _OPENINGS:
        if data[at : at + len(opening)] == opening:
            return name
    frame = len(data) > 1 and data[0] == 0xFF and data[1] & _MP3_SYNC == _MP3_SYNC  # noqa: PLR2004 - see _MP3_SYNC
    return "mp3" if frame else ""


def _container(data: bytes, most: int) -> Samples:
    import av  # noqa: PLC0415 - only who put voice into words has it

    name = container(data)
    if not name:
        raise Unreadable
    av.logging.set_level(None)
    pieces: list[Samples] = []
    try:
        with av.open(io.BytesIO(data), format=name, metadata_errors="replace") as opened:
            pieces.extend(_bounded(_resampled(opened), most))
    except TooLong:
        raise
    except Exception as error:  # what a decoder makes of a stranger's bytes is not foreseeable
        if not pieces:
            raise Unreadable from error
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def _bounded(pieces: Iterator[Samples], most: int) -> Iterator[Samples]:
    held = 0
    for piece in pieces:
        held += len(piece)
        if held > most:
            raise TooLong
        yield piece


def _resampled(opened: Any) -> Iterator[Samples]:
    """The first audio stream, piece by piece."""
    import av  # noqa: PLC0415 - see above

    stream = opened.streams.audio[0]
    codec = stream.codec_context
    if codec is None or codec.name not in _CODECS or codec.channels > _CHANNELS:
        raise Unreadable
    codec.thread_count = 1
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    for frame in opened.decode(stream):
        if not _SLOWEST <= frame.sample_rate <= _FASTEST:
            raise Unreadable
        for piece in resampler.resample(frame):
            yield piece.to_ndarray().ravel()
    for piece in resampler.resample(None):
        yield piece.to_ndarray().ravel()


def _silk(data: bytes, most: int) -> Samples:
    """WeChat's variant has a byte 2 before the head and no end mark; both are put as the decoder
    wants them. What is no whole packet never reaches it.
    """
    import pysilk  # noqa: PLC0415 - see above

    body = io.BytesIO()
    body.write(_SILK)
    for packet in _packets(data[data.index(_SILK) + len(_SILK) :]):
        body.write(len(packet).to_bytes(2, "little"))
        body.write(packet)
    body.seek(0)
    sound = _Vessel(2 * most)
    try:
        pysilk.decode(body, sound, RATE)
    except TooLong:
        raise
    except Exception as error:
        if sound.full:
            raise TooLong from error
        raise Unreadable from error
    held = sound.getvalue()
    return np.frombuffer(held[: len(held) // 2 * 2], "<i2").astype(np.int16)


def _packets(body: bytes) -> Iterator[bytes]:
    """Packets as their lengths (16 bits, little-endian) say; a negative one is the end."""
    at = 0
    while at + 2 <= len(body):
        length = int.from_bytes(body[at : at + 2], "little", signed=True)
        packet = body[at + 2 : at + 2 + length]
        if length < 0 or length > _PACKET or len(packet) < length:
            return
        yield packet
        at += 2 + length


class _Vessel(io.BytesIO):
    """Takes so many bytes and no more."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.full = False

    @override
    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self._most:
            self.full = True
            raise TooLong
        return super().write(data)
