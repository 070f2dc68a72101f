"""A section of the settings, and what a chat channel's section has besides its keys."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.gateway.adapter import Adapter, Switchboard

Words = tuple[str, str]
"""What a finding says, in Chinese and in English; its facts are filled in by position."""


class Section(BaseModel):
    """Keys that belong together; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelSection(Section):
    """The account of one chat channel. Without credentials the channel is not there at all."""

    address: str = ""
    """Of the platform's API."""
    words: ClassVar[Mapping[str, Words]] = {}
    """What ``paidan doctor <channel>`` says, by the code of the finding."""

    @property
    def called(self) -> bool:
        """Whether the platform calls us, so that it must be able to reach ``/hooks/<name>``."""
        return True

    @property
    @abstractmethod
    def on(self) -> bool:
        """Whether there are credentials."""

    @abstractmethod
    def open(self, board: Switchboard) -> Adapter:
        """The adapter; imported only now, for a command line must not pay for it."""
