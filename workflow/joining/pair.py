"""Two reports side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from workflow.joining.claims import UNTYPED, Claim

_DANGEROUS = frozenset({"electrical", "gas_fire", "ev_charger"})
"""One fire is reported as any of these, and of whatever is seen to burn."""
_BURNING = frozenset({"fire", "gas"})


@dataclass(frozen=True)
class Pair:
    """A new report beside a known incident."""

    new: Claim
    old: Claim

    def shares(self, what: str) -> bool:
        """Both say it and have something in common."""
        return bool(getattr(self.new.said, what) & getattr(self.old.said, what))

    def clash(self, what: str) -> bool:
        """Both say something and it is not the same."""
        mine, known = getattr(self.new.said, what), getattr(self.old.said, what)
        return bool(mine and known and not mine & known)

    def equal(self, what: str) -> bool:
        return bool(getattr(self.new, what)) and getattr(self.new, what) == getattr(self.old, what)

    def unequal(self, what: str) -> bool:
        mine, known = getattr(self.new, what), getattr(self.old, what)
        return bool(mine and known and mine != known)

    @property
    def strangers(self) -> bool:
        """Two customers whose sites we know: each may mean a place of their own.

        Somebody who merely wrote to us may well stand where the other does.
        """
        return self.unequal("customer") and bool(self.new.region and self.old.region)

    @property
    def unplaced(self) -> bool:
        """Two people of whom one at least wrote from we know not where."""
        return self.unequal("customer") and not self.strangers

    @property
    def one_fire(self) -> bool:
        """Something burns or leaks gas in both, whatever it is taken for."""
        burning = self.new.said.symptoms & self.old.said.symptoms & _BURNING
        return bool(burning) and {self.new.fault, self.old.fault} <= _DANGEROUS | UNTYPED

    @cached_property
    def places(self) -> Mapping[str, bool]:
        """The parts of a place that both name, and whether they agree."""
        mine, known = self.new.said.place, self.old.said.place
        return {part: agree(part, mine[part], known[part]) for part in mine if part in known}


def agree(part: str, mine: frozenset[str], known: frozenset[str]) -> bool:
    """Whether what two people call one part of a place may be one."""
    if mine & known:
        return True
    loose = part in {"name", "spot"}
    return loose and any(contained(a, b) or a.startswith(b) for a in mine for b in known)


def contained(one: str, other: str) -> bool:
    """Whether one is how the other ends: people leave out how it begins."""
    return one.endswith(other) or other.endswith(one)
