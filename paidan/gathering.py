"""Opening a colleagues' group on a chat platform, from the command line."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paidan.errands import stored_company, with_adapter
from paidan.settings import Settings
from workflow.company import Company
from workflow.errors import InvalidInput

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from bots.gateway.adapter import Adapter, Finding


@dataclass(frozen=True, slots=True)
class Wanted:
    """A group to be opened: its name, whose team and who else by their ids here, who owns it, and
    the id it shall have there.
    """

    name: str
    team: str = ""
    members: tuple[str, ...] = ()
    owner: str = ""
    number: str = ""


def gather(settings: Settings, channel: str, wanted: Wanted) -> str | Finding:
    """Open a group and greet it; its id, or what to mend there.

    Raises:
        InvalidInput: the channel has no account or opens no groups, somebody has no account there,
            or the platform would not take it.
        ChannelError: the platform did not take it.
    """
    from bots.channel import ChannelError
    from bots.gateway.adapter import Explaining, Gathering

    company = stored_company(settings)
    if company is None:
        raise InvalidInput(field="company", found="", allowed="paidan import company.yaml")
    people = [staff.id for staff in company.members(wanted.team)] if wanted.team else []
    members = [_account(company, channel, who) for who in dict.fromkeys((*people, *wanted.members))]
    owner = _account(company, channel, wanted.owner) if wanted.owner else ""

    async def work(adapter: Adapter, _http: ClientSession) -> str | Finding:
        if not isinstance(adapter, Gathering):
            raise InvalidInput(field="channel", found=channel, allowed="wecom")
        try:
            return await adapter.gather(wanted.name, members, owner, wanted.number)
        except ChannelError as refusal:
            if isinstance(adapter, Explaining):
                return adapter.explain(refusal)
            raise

    return with_adapter(settings, channel, work)


def _account(company: Company, channel: str, who: str) -> str:
    """Their account there.

    Raises:
        InvalidInput: nobody has this id, or they have no account there.
    """
    staff = company.staff.get(who)
    if staff is None:
        raise InvalidInput(field="member", found=who, allowed="、".join(sorted(company.staff)[:9]))
    account = staff.handles.get(channel, "")
    if not account:
        raise InvalidInput(field=who, found="", allowed=f"handles: {{{channel}: …}}")
    return account
