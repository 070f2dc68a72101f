"""Names a sender may say and a recogniser may mishear: their places, and what stands there."""

from __future__ import annotations

from collections.abc import Iterator

from bots.lookup import scanned
from workflow.ports import UnitOfWork
from workflow.records import Inbound

_ASSETS = 50
"""Devices of one site whose names are listened for."""


def told(uow: UnitOfWork, inbound: Inbound) -> tuple[str, ...]:
    """Regions of the company, the sender's site and the devices on it, each name once."""
    return tuple(dict.fromkeys(name for name in _names(uow, inbound) if name))


def names(uow: UnitOfWork, inbound: Inbound) -> tuple[str, ...]:
    """What the sender may name, for who writes their voice down: the company's own words first."""
    own = [term.word for term in uow.company.vocabulary]
    return tuple(dict.fromkeys([*own, *told(uow, inbound)]))


def _names(uow: UnitOfWork, inbound: Inbound) -> Iterator[str]:
    for team in uow.company.teams.values():
        yield from team.regions
    asset = scanned(uow, inbound)
    if asset is not None:
        yield asset.name
    identity = uow.people.identity(inbound.channel, inbound.sender)
    known = uow.people.customer(identity.person_id) if identity else None
    sites = [thing.site for thing in (asset, known) if thing is not None]
    for site in sites:
        yield from (site.region, site.name)
        for there in list(uow.people.assets_at(site.name))[:_ASSETS] if site.name else ():
            yield there.name
