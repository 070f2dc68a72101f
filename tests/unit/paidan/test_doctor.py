"""The doctor finds what would keep the program from running, and never falls ill itself."""

from __future__ import annotations

import socket
import sqlite3
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from paidan import doctor
from paidan.doctor import WORDS, Finding, examine, names, say
from paidan.settings import Settings, load_settings

TODAY = date(2026, 11, 21)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAIDAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PAIDAN__HTTP__PORT", "0")
    return load_settings()


def found(settings: Settings, today: date = TODAY) -> dict[str, Finding]:
    return {finding.code: finding for finding in examine(settings, today)}


def test_an_empty_installation_is_well_but_new(settings: Settings) -> None:
    seen = found(settings)
    assert {f.level for f in seen.values()} == {"ok", "warn"}
    assert {"database_new", "company_missing", "model_missing", "secret"} <= seen.keys()
    assert not (settings.data_dir / "paidan.db").exists()


def test_an_old_database_is_told_apart_from_a_closed_one(settings: Settings) -> None:
    settings.data_dir.mkdir()
    path = settings.data_dir / "paidan.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('0000')")
    database.close()
    assert found(settings)["database_old"].facts[0] == "0000"
    path.write_text("this is no database" * 100)
    assert found(settings)["database_closed"].level == "fail"


def test_a_missing_server_is_a_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIDAN__DATABASE__URL", "postgresql://127.0.0.1:1/none")
    seen = found(load_settings())
    assert seen["database_closed"].level == "fail"
    assert "\n" not in say(seen["database_closed"])


def test_a_folder_that_cannot_be_written_fails(settings: Settings) -> None:
    settings.data_dir.write_text("a file in the way")
    assert found(settings)["data_dir_closed"].level == "fail"


def test_a_year_without_holidays_is_warned_of(settings: Settings) -> None:
    assert found(settings, date(2025, 6, 1))["holidays"].level == "ok"
    assert found(settings, date(2032, 1, 1))["holidays_missing"].facts == ("2032、2033",)


def test_a_sample_secret_fails_in_production(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIDAN__MODE", "production")
    monkeypatch.setenv("PAIDAN__SECRET_KEY", "change-me")
    assert found(load_settings())["secret_bad"].level == "fail"


def test_a_taken_port_is_warned_of(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("PAIDAN__HTTP__PORT", str(taken.getsockname()[1]))
        assert found(load_settings())["port_taken"].level == "warn"


def test_our_package_names_are_ours() -> None:
    assert names() == Finding("ok", "names")


def test_a_package_that_took_our_name_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = {"nlp": ["nlp"], "bots": ["paidan"]}
    monkeypatch.setattr(doctor, "packages_distributions", lambda: owners)
    assert names() == Finding("fail", "names_clash", ("nlp", "nlp"))
    owners.clear()
    elsewhere = SimpleNamespace(origin=str(tmp_path / "nlp" / "__init__.py"))
    monkeypatch.setattr(doctor, "find_spec", lambda room: elsewhere if room == "nlp" else None)
    assert names() == Finding("fail", "names_clash", ("nlp", str(tmp_path)))


def test_findings_speak_both_languages() -> None:
    for code, (zh, en) in WORDS.items():
        facts = tuple("x" * zh.count("{}"))
        assert zh.count("{}") == en.count("{}"), code
        assert say(Finding("warn", code, facts)).startswith("! ")
        assert say(Finding("fail", code, facts), "en").startswith("✗ ")
