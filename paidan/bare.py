"""Pictures without what cameras write into them: where, when and with what they were taken. Pure.

The picture itself is not touched, and it keeps which side is up. Sources: ITU-T T.81 annex B
(JPEG segments), CIPA DC-008 (Exif: tag 0x0112), the PNG specification (chunks), RFC 9649 (WebP).
"""

from __future__ import annotations

import struct
from typing import Final

_SOI: Final = b"\xff\xd8"
_SCAN: Final = 0xDA
_APP1: Final = 0xE1
_KEPT: Final = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""The colour profile and how colours are coded; further pictures behind this one are not."""
_END: Final = 0xD9
_WITHIN: Final = frozenset({0x00, *range(0xD0, 0xD8)})
"""What follows 0xFF inside of a scan."""
_APPS: Final = range(0xE0, 0xF0)
_COMMENT: Final = 0xFE
_ORIENTATION: Final = 0x0112
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_WORDS: Final = frozenset({b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"tIME"})
_WEBP_WORDS: Final = frozenset({b"EXIF", b"XMP "})
_WEBP_FLAGS: Final = 0x08 | 0x04


def bare(data: bytes) -> bytes | None:
    """The picture without its notes; None for one that cannot be read that far."""
    try:
        if data.startswith(_SOI):
            return _jpeg(data)
        if data.startswith(_PNG):
            return _png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError):
        return None
    return data


def _jpeg(data: bytes) -> bytes | None:
    kept, at = [_SOI], len(_SOI)
    while data[at] == 0xFF:  # noqa: PLR2004 - every segment begins so
        kind = data[at + 1]
        if kind == _SCAN:
            return b"".join([*kept, data[at : _end(data, at)]])
        (length,) = struct.unpack_from(">H", data, at + 2)
        segment = data[at : at + 2 + length]
        if kind == _APP1 and segment[4:10] == b"Exif\0\0":
            kept.append(_upright(segment[10:]))
        elif _needed(kind, segment):
            kept.append(segment)
        at += 2 + length
    return None


def _needed(kind: int, segment: bytes) -> bool:
    if kind in _APPS:
        return kind in _KEPT and segment[4:].startswith(_KEPT[kind])
    return kind != _COMMENT


def _end(data: bytes, at: int) -> int:
    """Where the picture ends; phones put others, with notes of their own, behind it."""
    while (at := data.find(b"\xff", at)) >= 0:
        kind = data[at + 1]
        if kind == _END:
            return at + 2
        if kind == 0xFF:  # noqa: PLR2004 - a filler
            at += 1
        elif kind in _WITHIN:
            at += 2
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return len(data)


def _upright(tiff: bytes) -> bytes:
    """An Exif segment that says which side is up and nothing else; empty where it does not."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2], "")
    if not order:
        return b""
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    (many,) = struct.unpack_from(f"{order}H", tiff, first)
    for n in range(many):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, first + 2 + 12 * n)
        if tag == _ORIENTATION:
            entry = struct.pack(">HHIHH", tag, 3, 1, value, 0)
            body = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
            return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return b""


def _png(data: bytes) -> bytes:
    kept, at = [_PNG], len(_PNG)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] not in _PNG_WORDS:
            kept.append(data[at : at + 12 + length])
        at += 12 + length
    return b"".join(kept)


def _webp(data: bytes) -> bytes:
    kept, at = [], 12
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        whole = 8 + length + length % 2
        chunk = data[at : at + whole]
        if chunk[:4] == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_FLAGS & 0xFF]) + chunk[9:]
        if chunk[:4] not in _WEBP_WORDS:
            kept.append(chunk)
        at += whole
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
