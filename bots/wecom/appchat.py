"""Groups that an application opened itself (群聊会话). Pure.

Source: https://developer.work.weixin.qq.com/document/path/90245 (create) and 90248 (send: text,
no template cards; only into groups of the same application; 200 a minute for each member, the rest
is dropped without a word).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from workflow.errors import InvalidInput

NAME: Final = 50
"""Characters of a group's name; the platform would cut it."""
FEWEST: Final = 2
MOST: Final = 2000
_NUMBER: Final = re.compile(r"[0-9A-Za-z]{1,32}")
REFUSED: Final[Mapping[str, str]] = {
    "86001": "wecom_group_unknown",
    "48002": "wecom_group_scope",
    "60011": "wecom_group_scope",
    "301002": "wecom_group_scope",
}
"""What refusals mean here, by the words a person gets."""


def insist(name: str, members: Sequence[str], owner: str, number: str) -> None:
    """That the platform would take it.

    Raises:
        InvalidInput: ``field`` and ``allowed`` say what it would not.
    """
    if not 0 < len(name) <= NAME:
        raise InvalidInput(field="name", found=name[:80], allowed=f"1–{NAME} 个字")
    if not FEWEST <= len(set(members)) <= MOST:
        raise InvalidInput(field="members", found=len(set(members)), allowed=f"{FEWEST}–{MOST} 人")
    if owner and owner not in members:
        raise InvalidInput(field="owner", found=owner, allowed="、".join(members[:9]))
    if number and not _NUMBER.fullmatch(number):
        raise InvalidInput(field="id", found=number[:80], allowed="最多 32 个字母、数字")
