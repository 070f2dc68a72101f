"""How a POST is answered: a sentence to a script, the way back to a plain form."""

from __future__ import annotations

from aiohttp import web
from multidict import MultiDictProxy

from workflow.errors import InvalidInput


def done(request: web.Request, text: str = "", *, back: str) -> web.Response:
    """200 with a sentence for scripts; for plain forms the way back."""
    if "HX-Request" in request.headers:
        return web.Response(text=text)
    return go_back(back)


def go_back(path: str) -> web.Response:
    """See other: a path of ours, never another site."""
    safe = path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
    return web.Response(status=303, headers={"Location": safe})


def whole_number(form: MultiDictProxy[str], name: str, least: int, most: int) -> int:
    """A bounded whole number of a form.

    Raises:
        InvalidInput: it is not one.
    """
    text = form.get(name, "")
    number = int(text) if text.isascii() and text.isdigit() else least - 1
    if not least <= number <= most:
        raise InvalidInput(field=name, found=text[:20], allowed=f"{least}–{most}")
    return number
