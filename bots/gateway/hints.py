"""What a platform's refusal says of how to mend it: an address to allow, a permission to ask for.

Sources: https://developer.work.weixin.qq.com/document/path/90313 (60020 「from ip: …」), the
official account's 40164 (「invalid ip … ipv6 …」), DingTalk's IpNotInWhiteList (「request ip=…」)
and AccessTokenPermissionDenied (「应用尚未开通所需的权限：[…]」 with a link).
"""

from __future__ import annotations

import ipaddress
import re

_NUMBER = re.compile(r"[0-9A-Fa-f:.]{3,45}")
_SCOPES = re.compile(r"\[([A-Za-z][\w.]*(?:\s*,\s*[A-Za-z][\w.]*)*)\]")
_LINK = re.compile(r"https://[^\s\"'<>，。)}\]]+")


def address_in(said: str) -> str:
    """The address that the platform saw us come from; empty if it does not say."""
    for word in _NUMBER.findall(said):
        try:
            found = ipaddress.ip_address(word.strip(".:") if "::" not in word else word)
        except ValueError:
            continue
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return str(mapped or found)
    return ""


def permissions_in(said: str) -> tuple[str, ...]:
    """The permissions a refusal names in brackets, each once."""
    named = (name.strip() for found in _SCOPES.findall(said) for name in found.split(","))
    return tuple(dict.fromkeys(named))


def link_in(said: str) -> str:
    """The first web address in a refusal; empty if there is none."""
    found = _LINK.search(said)
    return found[0].rstrip(",.") if found else ""
