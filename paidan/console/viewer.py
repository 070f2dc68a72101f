"""Who is looking, in which language, in which colours; and the keys everything hangs on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from aiohttp import web

from paidan.console.rights import Right, has
from paidan.console.services import Services
from paidan.signing import SESSION_FOR, csrf_token, sign, unsign
from workflow.company import Company, Staff
from workflow.errors import NotAllowed

SERVICES = web.AppKey("services", Services)
VISITOR_COOKIE, SESSION_COOKIE = "paidan_visitor", "paidan_session"
LOCALE_COOKIE, THEME_COOKIE = "paidan_locale", "paidan_theme"
LOCALES = ("zh_CN", "en")
THEMES = ("auto", "light", "dark")
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Viewer:
    """One browser. ``visitor`` is a random id of its own, ``staff`` who signed in, if anybody."""

    visitor: str
    staff: Staff | None
    company: Company
    locale: str
    theme: str
    csrf: str
    cookies: dict[str, str] = field(default_factory=dict)
    """Cookies this answer must set."""

    def has(self, right: Right) -> bool:
        """Whether this viewer may open pages that need ``right``."""
        return has(self.staff, right)

    @property
    def me(self) -> Staff:
        """The person signed in.

        Raises:
            NotAllowed: nobody is.
        """
        if self.staff is None:
            raise NotAllowed("sign_in")
        return self.staff


VIEWER = web.RequestKey("viewer", Viewer)


async def recognise(request: web.Request) -> Viewer:
    """Read the cookies; a browser without an id of its own gets one."""
    services = request.app[SERVICES]
    company = await services.store.read(services.tenant, lambda uow: uow.company)
    now = services.real_now()
    fresh: dict[str, str] = {}
    try:
        facts = unsign(services.secret, "visitor", request.cookies.get(VISITOR_COOKIE, ""), now)
        visitor = str(facts["id"])
    except NotAllowed:
        visitor = secrets.token_urlsafe(12)
        fresh[VISITOR_COOKIE] = sign(services.secret, "visitor", {"id": visitor})
    return Viewer(
        visitor=visitor,
        staff=_signed_in(request, services, company),
        company=company,
        locale=_locale(request, company),
        theme=_one_of(THEMES, request.cookies.get(THEME_COOKIE, "")),
        csrf=csrf_token(services.secret, visitor),
        cookies=fresh,
    )


def session_cookie(services: Services, staff_id: str) -> str:
    """The value that keeps somebody signed in for twelve hours."""
    facts = {"tenant": services.tenant, "staff": staff_id}
    return sign(services.secret, "session", facts, services.real_now() + SESSION_FOR)


def set_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    """Set one of our cookies: out of reach of scripts and of other sites."""
    lasting = SESSION_FOR.total_seconds() if name == SESSION_COOKIE else _YEAR
    response.set_cookie(
        name,
        value,
        max_age=int(lasting),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.secure or request.app[SERVICES].public_url.startswith("https:"),
    )


def _signed_in(request: web.Request, services: Services, company: Company) -> Staff | None:
    token = request.cookies.get(SESSION_COOKIE, "")
    if not token:
        return None
    try:
        facts = unsign(services.secret, "session", token, services.real_now())
    except NotAllowed:
        return None
    if facts.get("tenant") != services.tenant:
        return None
    staff = company.staff.get(str(facts.get("staff")))
    return staff if staff is not None and staff.active else None


def _locale(request: web.Request, company: Company) -> str:
    chosen = request.cookies.get(LOCALE_COOKIE, "")
    if chosen in LOCALES:
        return chosen
    wanted = request.headers.get("Accept-Language", "").lower()
    if wanted.startswith("en"):
        return "en"
    return _one_of(LOCALES, company.locale)


def _one_of(allowed: tuple[str, ...], value: str) -> str:
    return value if value in allowed else allowed[0]
