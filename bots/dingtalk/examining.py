"""What is wrong with a DingTalk application, found by calls that reach nobody.

Source: https://open.dingtalk.com/document/orgapp/add-api-permission (what a refusal names),
.../server-api-error-codes-1 (IpNotInWhiteList).
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from bots.channel import Refused
from bots.dingtalk.calls import Calls
from bots.gateway.adapter import Finding
from bots.gateway.hints import address_in, link_in, permissions_in

NOBODY: Final = "paidan-doctor"
"""A member and a card that there are not."""
_APPLY: Final = "https://open-dev.dingtalk.com/appscope/apply?content={}%23{}"
_UNPERMITTED: Final = ("Forbidden.AccessDenied.AccessTokenPermissionDenied", "60011")
_FOREIGN_IP: Final = ("Forbidden.AccessDenied.IpNotInWhiteList", "60020", "ip.not.match")
_NO_ROBOT: Final = (
    "invalidParameter.robotCode",
    "template.not.existed",
    "template.stopped",
    "send.forbidden",
)


def mending(no: Refused, client: str) -> Finding:
    """What to click after a refusal."""
    if no.why.startswith(_UNPERMITTED):
        names = permissions_in(no.why)
        link = link_in(no.why) or _APPLY.format(client, ",".join(names))
        return Finding("fail", "dingtalk_permission", ("、".join(names) or "?", link))
    if no.why.startswith(_FOREIGN_IP):
        return Finding("fail", "dingtalk_address", (address_in(no.why) or "?",))
    if no.why.startswith(_NO_ROBOT):
        return Finding("fail", "dingtalk_robot", (no.why,))
    return Finding("fail", "dingtalk_refused", (no.why,))


async def permissions(calls: Calls, client: str, robot: str, *, cards: bool) -> list[Finding]:
    """Whether the application may speak, fetch attachments and show cards.

    Each is tried on somebody, a file or a card that does not exist: a refusal for that reason is
    as good as leave.
    """
    tried: list[Awaitable[object]] = [
        calls.to_person(robot, NOBODY, "sampleText", {"content": "paidan doctor"}),
        calls.download_url(robot, NOBODY),
    ]
    if cards:
        nothing = {"outTrackId": NOBODY, "cardData": {"cardParamMap": {"hint": ""}}}
        tried.append(calls.call("PUT", "/v1.0/card/instances", nothing))
    found: dict[tuple[str, ...], Finding] = {}
    for trying in tried:
        try:
            await trying
        except Refused as no:
            finding = mending(no, client)
            if finding.code != "dingtalk_refused":
                found[finding.code, *finding.facts] = finding
    return list(found.values()) or [Finding("ok", "dingtalk_permitted")]
