"""The reference names every command, setting, key and column there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from paidan.cli import app
from paidan.company_file import company_schema
from paidan.settings import Settings
from paidan.tables import COLUMNS
from workflow.taxonomy import FAULT_TYPES

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs/reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


def keys(model: Any, above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if hasattr(inner, "model_fields"):
            yield from keys(inner, f"{above}{name}.")
        else:
            yield above + name


def test_every_setting_is_described() -> None:
    text = page("configuration.md")
    assert [key for key in keys(Settings) if f"| `{key}` |" not in text] == []


def commands(group: typer.Typer, above: str = "") -> Iterator[str]:
    for command in group.registered_commands:
        if command.callback:
            yield above + (command.name or command.callback.__name__)
    for inner in group.registered_groups:
        if inner.typer_instance:
            under = f"{inner.name} " if isinstance(inner.name, str) else ""
            yield from commands(inner.typer_instance, above + under)


def test_every_command_is_described() -> None:
    text = page("cli.md")
    names = list(commands(app))
    assert len(names) >= 14
    assert [name for name in names if f"| `paidan {name}" not in text] == []


def test_every_key_of_the_company_file_is_described() -> None:
    text, schema = page("company-yaml.md"), company_schema()
    records = [schema, *schema["$defs"].values()]
    named = {key for record in records for key in record["properties"]}
    told = [key for key in sorted(named) if f"`{key}`" in text or f"# {key} " in text]
    assert told == sorted(named)


def test_every_column_and_fault_type_is_described() -> None:
    text = page("company-yaml.md")
    for columns in COLUMNS.values():
        assert [c.name for c in columns if f"`{c.name}` {c.label}" not in text] == []
    missing = [k for k, (zh, _) in FAULT_TYPES.items() if f"`{k}` {zh}" not in text and k != "none"]
    assert missing == []


def test_the_card_template_of_dingtalk_is_built_from_every_variable() -> None:
    from bots.dingtalk.writing import FIELDS  # noqa: PLC0415

    text = (REFERENCE.parent / "how-to/dingtalk.md").read_text("utf-8")
    named = {name for name in FIELDS if not name.startswith(("b2_", "b3_", "b4_", "b5_"))}
    assert not [name for name in named if f"`{name}`" not in text]


def test_the_english_readme_lists_every_how_to_that_the_chinese_one_does() -> None:
    wanted, told = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.en.md"))
    listed = sorted(set(re.findall(r"docs/how-to/[\w-]+\.md", wanted)))
    assert len(listed) > 10
    assert [page for page in listed if page not in told] == []
