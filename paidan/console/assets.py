"""Scripts, styles and icons, held in memory under a path that names their content.

htmx comes from its wheel and is refused when it is not the file we reviewed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path

from aiohttp import web

_HTMX = "js_lib_htmx/static/htmx/htmx.min.js"
_HTMX_SHA256 = "491955cd1810747d7d7b9ccb936400afb760e06d25d53e4572b64b6563b2784e"
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_OURS = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Shelf:
    """All static files by name, and the version their content makes."""

    files: dict[str, tuple[bytes, str]]
    version: str

    def url(self, name: str) -> str:
        """Where a browser finds a file; another content is another address.

        Raises:
            KeyError: there is no such file.
        """
        _ = self.files[name]
        return f"/static/{self.version}/{name}"


SHELF = web.AppKey("shelf", Shelf)


def load() -> Shelf:
    """Read everything once."""
    found = {
        path.relative_to(_OURS).as_posix(): (path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(_OURS.rglob("*"))
        if path.suffix in _TYPES
    }
    found["js/htmx.js"] = (_htmx(), _TYPES[".js"])
    whole = hashlib.sha256()
    for name, (data, _) in sorted(found.items()):
        whole.update(name.encode() + data)
    return Shelf(found, whole.hexdigest()[:12])


def _htmx() -> bytes:
    wheel = {str(file): file for file in files("django-js-lib-htmx") or ()}
    data = Path(str(wheel[_HTMX].locate())).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != _HTMX_SHA256:
        raise RuntimeError(f"htmx.min.js has sha256 {found}, reviewed was {_HTMX_SHA256}")
    return data


async def serve(request: web.Request) -> web.Response:
    """One static file; cached for a year under its own version, never under another."""
    shelf = request.app[SHELF]
    entry = shelf.files.get(request.match_info["name"])
    if entry is None:
        raise web.HTTPNotFound
    data, mime = entry
    current = request.match_info["version"] == shelf.version
    caching = "public, max-age=31536000, immutable" if current else "no-store"
    response = web.Response(body=data, content_type=mime, headers={"Cache-Control": caching})
    if mime.startswith("text/"):
        response.charset = "utf-8"
    response.enable_compression()
    return response
