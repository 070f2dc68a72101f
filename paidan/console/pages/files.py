"""Pictures in and out."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web
from aiohttp.multipart import BodyPartReader

from paidan.bare import bare
from paidan.console.guard import BROKEN, READ_WITHIN, client_ip, too_many
from paidan.console.throttle import Throttle
from paidan.console.viewer import SERVICES, VIEWER
from workflow.errors import InvalidInput

MAX_PICTURE = 8 * 1024 * 1024
UPLOAD_LIMIT = MAX_PICTURE + 64 * 1024
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
)
UPLOADS = web.AppKey("uploads", Throttle)


def upload_throttle() -> Throttle:
    """Twelve pictures at once, then one each ten seconds."""
    return Throttle(burst=12, every=timedelta(seconds=10))


async def upload(request: web.Request) -> web.Response:
    """Keep one picture; answers its content hash.

    Raises:
        InvalidInput: code ``bad_picture``: whatever it calls itself, it is none.
        web.HTTPRequestEntityTooLarge: more than 8 MB.
    """
    services = request.app[SERVICES]
    wait = request.app[UPLOADS].wait(client_ip(request), services.real_now())
    if wait:
        raise too_many(wait)
    try:
        async with asyncio.timeout(READ_WITHIN * 6):
            data = await _picture(request)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except BROKEN:
        raise InvalidInput("bad_picture", field="picture") from None
    mime = _kind(data)
    if mime is None:
        raise InvalidInput("bad_picture", field="picture")
    return web.Response(text=await services.store.blobs.put(data, mime))


async def blob(request: web.Request) -> web.Response:
    """A picture by its content hash, which nobody guesses; anything else only as a download. Only
    colleagues who have signed in get it with what the camera wrote into it, such as the place.
    """
    services = request.app[SERVICES]
    found = await services.store.blobs.get(request.match_info["blob"])
    if found is None:
        raise web.HTTPNotFound
    data, mime = found
    if mime.startswith("application/x-paidan"):  # the house's own, not for a browser
        raise web.HTTPNotFound
    shown = mime in {"image/jpeg", "image/png", "image/gif", "image/webp"}
    if shown and request[VIEWER].staff is None:
        stripped = bare(data)
        if stripped is None:
            raise web.HTTPNotFound
        data = stripped
    headers = {
        "Vary": "Cookie",
        "Content-Disposition": "inline" if shown else "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=31536000, immutable",
    }
    kind = mime if shown else "application/octet-stream"
    return web.Response(body=data, content_type=kind, headers=headers)


async def _picture(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        raise InvalidInput("bad_picture", field="picture")
    part = await (await request.multipart()).next()
    if not isinstance(part, BodyPartReader):
        raise InvalidInput("bad_picture", field="picture")
    data = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        data += chunk
        if len(data) > MAX_PICTURE:
            raise web.HTTPRequestEntityTooLarge(MAX_PICTURE, len(data))
    return bytes(data)


def _kind(data: bytes) -> str | None:
    for signature, mime in _SIGNATURES:
        if data.startswith(signature):
            return mime
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None
