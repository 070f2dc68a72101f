"""Our own pairs of reports: is the later one about the incident of the earlier one?

One pair a line in any ``*.txt`` of this folder, six columns between tabs, ``# …`` a comment::

    label   kind   gap_min  same_user  a                     b
    1       para   12       0          3栋电梯停在五楼不动   三号楼的梯卡住了
    0       loc    5        0          301空调不制冷         401空调不制冷

``label`` 1 is the same incident. ``kind`` says why the pair is interesting: :data:`SAME` kinds are
always 1, :data:`OTHER` kinds always 0. ``gap_min`` are the minutes between the two reports,
``same_user`` 1 says that one person wrote both, ``a`` is the earlier.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

FOLDER = Path(__file__).parent
SAME: Final = ("para", "resend", "superset", "asr")
"""Said by somebody else, said again, with more details, misheard by a voice input."""
OTHER: Final = ("loc", "device", "serial", "fault", "scope", "error", "recur", "person")
"""Another place, device, number, fault, extent, alarm code; again after a repair; a stranger's."""
LONGEST_GAP: Final = 100_000
LONGEST_TEXT: Final = 1000

_COLUMNS = ("label", "kind", "gap_min", "same_user", "a", "b")


class Pair(NamedTuple):
    """Two reports, ``a`` the earlier, and whether they are about one incident."""

    same: bool
    kind: str
    gap_min: int
    same_user: bool
    a: str
    b: str


def load(folder: Path = FOLDER) -> tuple[Pair, ...]:
    """Every pair of a folder, by file name and line.

    Raises:
        ValueError: a line is no pair, or stands twice; the text says where and what is wrong.
    """
    pairs: dict[tuple[str, str], Pair] = {}
    for path in sorted(folder.glob("*.txt")):
        for pair in read(path):
            if pairs.setdefault((pair.a, pair.b), pair) is not pair:
                raise ValueError(f"{path}: stands twice: {pair.a} | {pair.b}")
    return tuple(pairs.values())


def read(path: Path) -> tuple[Pair, ...]:
    """The pairs of one file, in the order of its lines.

    Raises:
        ValueError: a line is no pair; the text says where and what is wrong.
    """
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            found.append(_pair(line))
        except ValueError as wrong:
            raise ValueError(f"{path}:{number}: {wrong}") from None
    return tuple(found)


def _pair(line: str) -> Pair:
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) != len(_COLUMNS):
        columns = " ".join(_COLUMNS)
        raise ValueError(f"{len(cells)} columns between tabs, expected {len(_COLUMNS)}: {columns}")
    label, kind, gap, user, a, b = cells
    if kind not in (*SAME, *OTHER):
        raise ValueError(f"kind {kind!r}, expected one of {' '.join((*SAME, *OTHER))}")
    if label != ("1" if kind in SAME else "0"):
        raise ValueError(f"label {label!r}, but {kind} is always {int(kind in SAME)}")
    if not gap.isascii() or not gap.isdigit() or int(gap) > LONGEST_GAP:
        raise ValueError(f"gap_min {gap!r}, expected whole minutes up to {LONGEST_GAP}")
    if user not in {"0", "1"}:
        raise ValueError(f"same_user {user!r}, expected 0 or 1")
    if not a or not b or max(len(a), len(b)) > LONGEST_TEXT:
        raise ValueError(f"both texts need 1 to {LONGEST_TEXT} characters")
    return Pair(label == "1", kind, int(gap), user == "1", a, b)
