"""Pictures lose what the camera wrote into them, and nothing that can be seen."""

from __future__ import annotations

import io
import struct
import zlib

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan.bare import bare

PLACE = b"GPS 31.2304N 121.4737E"


def encoded(codec: str) -> bytes:
    """A picture as FFmpeg writes it."""
    frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), dtype=np.uint8), format="rgb24")
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = 16, 16
    context.pix_fmt = "yuvj420p" if codec == "mjpeg" else "rgb24"
    context.time_base = 1  # type: ignore[assignment]
    if codec == "mjpeg":
        frame = frame.reformat(format="yuvj420p")
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def exif(orientation: int) -> bytes:
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entries + bytes(4) + PLACE
    return b"Exif\0\0" + tiff


def segment(kind: int, body: bytes) -> bytes:
    return b"\xff" + bytes([kind]) + struct.pack(">H", len(body) + 2) + body


def decoded(data: bytes, kind: str) -> tuple[int, int]:
    with av.open(io.BytesIO(data), format=f"{kind}_pipe") as container:
        frame = next(container.decode(video=0))
        assert isinstance(frame, av.VideoFrame)
        return frame.width, frame.height


def test_a_jpeg_keeps_which_side_is_up_and_no_place() -> None:
    plain = encoded("mjpeg")
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PLACE)
    others = segment(0xE2, b"MPF\0" + PLACE)
    noted = plain[:2] + segment(0xE1, exif(6)) + xmp + segment(0xFE, PLACE) + others + plain[2:]
    noted += b"\xff\xd8" + segment(0xE1, exif(1)) + plain[2:]
    stripped = bare(noted)
    assert stripped is not None
    assert PLACE not in stripped
    assert struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) in stripped
    assert decoded(stripped, "jpeg") == (16, 16)


def test_a_png_loses_its_notes() -> None:
    plain = encoded("png")
    note = b"eXIf" + PLACE
    chunk = struct.pack(">I", len(PLACE)) + note + struct.pack(">I", zlib.crc32(note))
    assert bare(plain[:33] + chunk + plain[33:]) == bare(plain)
    assert decoded(bare(plain) or b"", "png") == (16, 16)


def test_a_webp_loses_its_notes_and_says_so() -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

    def riff(*chunks: bytes) -> bytes:
        body = b"WEBP" + b"".join(chunks)
        return b"RIFF" + struct.pack("<I", len(body)) + body

    noted = riff(chunk(b"VP8X", b"\x0c" + bytes(9)), chunk(b"VP8 ", b"abc"), chunk(b"EXIF", PLACE))
    assert bare(noted) == riff(chunk(b"VP8X", bytes(10)), chunk(b"VP8 ", b"abc"))


@pytest.mark.parametrize("head", [b"\xff\xd8", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n"])
@given(st.binary(max_size=80))
def test_broken_pictures_do_no_harm(head: bytes, rest: bytes) -> None:
    assert isinstance(bare(head + rest), bytes | None)
