"""The house's own parts with a meter on them, and who reads the meters."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import structlog
from typing_extensions import override

from bots.channel import (
    Anomalous,
    Barred,
    Capabilities,
    Channel,
    Refused,
    Retry,
    Unsupported,
)
from bots.front_desk import FrontDesk
from notifier.delivery import Delivery
from paidan.house import House
from paidan.masking import mask
from paidan.settings import Settings
from paidan.watch.meters import Meters
from paidan.watch.pages import Watchman
from paidan.watch.readiness import Readiness
from storage import SqlStore
from workflow.kept import Admitted
from workflow.records import Inbound, Outgoing, Receipt
from workflow.tracing import cause_of, caused_by

log = structlog.get_logger(__name__)

_ENDS: tuple[tuple[type[BaseException], str], ...] = (
    (Retry, "retry"),
    (Barred, "barred"),
    (Refused, "refused"),
    (Unsupported, "unsupported"),
    (Anomalous, "unclear"),
    (TimeoutError, "unclear"),
    (Exception, "failed"),
)
"""How a send that raised ended; what is no Exception is a cancelled wait: nobody knows."""


@dataclass(frozen=True, slots=True)
class MeteredChannel:
    """A way out, timed."""

    inner: Channel
    meters: Meters

    @property
    def name(self) -> str:
        """See ``bots.channel.Channel``."""
        return self.inner.name

    @property
    def capabilities(self) -> Capabilities:
        """See ``bots.channel.Channel``."""
        return self.inner.capabilities

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See ``bots.channel.Channel``."""
        begun, ended, told = time.time(), "ok", ""
        try:
            receipt = await self.inner.send(outgoing)
            told = mask(receipt.message_id)
        except BaseException as error:
            ended = next((word for kind, word in _ENDS if isinstance(error, kind)), "unclear")
            raise
        finally:
            self.meters.sent(self.name, begun, ended, told)
        return receipt


@dataclass(frozen=True, slots=True)
class MeteredWays(Mapping[str, Channel]):
    """All ways out, each timed; also those that are only made up when they are asked for."""

    inner: Mapping[str, Channel]
    meters: Meters

    @override
    def __getitem__(self, name: str) -> Channel:
        return MeteredChannel(self.inner[name], self.meters)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self.inner)

    @override
    def __len__(self) -> int:
        return len(self.inner)


class MeteredDesk(FrontDesk):
    """The front desk; every message is counted when it is kept and when it is settled."""

    meters: Meters

    @override
    async def admit(self, inbound: Inbound) -> Admitted | None:
        begun = time.time()
        with caused_by(cause_of(inbound.tenant, inbound.dedupe_key)):
            admitted = await super().admit(inbound)
            again = admitted is None
            log.info(
                "message came again" if again else "message kept",
                tenant=inbound.tenant,
                channel=inbound.channel,
                message=inbound.dedupe_key,
            )
            self.meters.heard(inbound, begun, again=again)
        return admitted

    @override
    async def settle(self, tenant: str, admitted: Admitted) -> str:
        begun = time.time()
        outcome = await super().settle(tenant, admitted)
        self.meters.settled(admitted.inbound, begun, outcome)
        return outcome


def watchman(
    settings: Settings,
    store: SqlStore,
    house: House | None,
    delivery: Delivery,
    names: list[str],
    meters: Meters,
) -> Watchman:
    """Who answers for this process; ``names`` are its channels'. Without a house there are no loops
    to come round.
    """
    tenant = settings.tenant

    def channels() -> tuple[list[str], set[str], set[str]]:
        resting = {channel for owner, channel in delivery.resting() if owner == tenant}
        barred = {channel for owner, channel in delivery.barred() if owner == tenant}
        return names, resting, barred

    return Watchman(
        meters=meters,
        readiness=Readiness(store, tenant, (lambda: house.beats) if house is not None else None),
        store=store,
        tenant=tenant,
        token=settings.metrics.token,
        locale=settings.locale,
        channels=channels,
    )
