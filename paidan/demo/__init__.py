"""安居联修: a believable company to try everything with, complete in one ``company.yaml``.

At every hour of the week each team has somebody on duty for each fault it takes, so a first
report at three in the morning reaches a person too.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from paidan.company_file import Loaded, parse_company
from paidan.importing import Outcome, store_company
from workflow.ports import Store


def demo_yaml() -> str:
    """The demo company's file as it is, comments included."""
    return files(__package__).joinpath("company.yaml").read_text("utf-8")


@cache
def demo_company() -> Loaded:
    """The demo company, its customers and assets (tenant ``demo``)."""
    return parse_company(demo_yaml())


async def seed(store: Store, tenant: str, loaded: Loaded | None = None) -> Outcome:
    """Store a company (the demo one by default) under ``tenant``, ready for the sandbox."""
    return await store_company(store, tenant, loaded or demo_company())
