"""The files a new installation starts with."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from paidan.company_file import company_schema
from paidan.demo import demo_yaml

SCHEMA_LINE = "# yaml-language-server: $schema=company.schema.json\n"
"""What makes an editor check ``company.yaml`` while it is written."""


def begin(folder: Path, *, demo: bool = False) -> tuple[list[Path], list[Path]]:
    """Write ``config.yaml``, ``company.yaml`` (``demo``: the demo company) and its schema.

    Returns the files written and those that were there already, which are never touched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written, kept = [], []
    for name, text in _texts(demo=demo).items():
        try:
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            kept.append(folder / name)
        else:
            written.append(folder / name)
    return written, kept


def _texts(*, demo: bool) -> dict[str, str]:
    ours = files(__package__)
    config = ours.joinpath("config.yaml").read_text("utf-8")
    company = ours.joinpath("company.yaml").read_text("utf-8")
    if demo:
        config = config.replace("tenant: main", "tenant: demo")
        company = demo_yaml().split("\n", 1)[1]  # its own first line names the schema elsewhere
    return {
        "config.yaml": config,
        "company.yaml": SCHEMA_LINE + company,
        "company.schema.json": json.dumps(company_schema(), ensure_ascii=False, indent=2) + "\n",
    }
