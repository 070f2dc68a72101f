"""Settings: file, variables and secret files; mistakes named by line or variable."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from paidan.problems import InvalidFile, Problem, describe_all
from paidan.settings import load_settings

GOOD_SECRET = "q7Vd2mXc9LtRZk4WpB8hNs1Ye5TnJ0uGvD3x"


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PAIDAN_HOME", "PAIDAN_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def written(text: str) -> Path:
    path = Path("config.yaml")
    path.write_text(text, "utf-8")
    return path


def problems() -> list[Problem]:
    with pytest.raises(InvalidFile) as refused:
        load_settings()
    return list(refused.value.problems)


def test_without_any_file_everything_has_a_default(tmp_path: Path) -> None:
    settings = load_settings()
    assert (settings.mode, settings.tenant, settings.config_file) == ("demo", "demo", None)
    assert settings.database_url == f"sqlite:///{tmp_path / 'var' / 'paidan.db'}"
    assert settings.public_url == "http://127.0.0.1:8080"


def test_variables_overrule_the_file_and_named_files_overrule_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written("http: {port: 1, host: 0.0.0.0}\ndatabase: {url: 'sqlite:///a.db'}\n")
    monkeypatch.setenv("PAIDAN__HTTP__PORT", "2")
    monkeypatch.setenv("PAIDAN__DATABASE__URL", "sqlite:///b.db")
    (tmp_path / "url").write_text("sqlite:///c.db\n")
    monkeypatch.setenv("PAIDAN__DATABASE__URL_FILE", str(tmp_path / "url"))
    settings = load_settings()
    assert (settings.http.host, settings.http.port) == ("0.0.0.0", 2)
    assert settings.database_url == "sqlite:///c.db"
    assert settings.public_url == "http://127.0.0.1:2"


def test_paths_in_a_file_are_meant_from_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.yaml").write_text("data_dir: data\n")
    assert load_settings(home / "config.yaml").data_dir == home / "data"
    monkeypatch.setenv("PAIDAN_HOME", str(home))
    assert load_settings().config_file == home / "config.yaml"
    (home / "config.yaml").write_text("voice: {model: sense}\n")
    assert load_settings().voice.model == home / "sense"


def test_without_a_model_nobody_puts_voice_into_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load_settings().voice.on
    written("voice: {model: '', seconds: 30}\n")
    assert not load_settings().voice.on
    monkeypatch.setenv("PAIDAN__VOICE__MODEL", "/models/sense")
    voice = load_settings().voice
    assert (voice.on, voice.model, voice.seconds) == (True, Path("/models/sense"), 30)


# text, line, key, found, what "allowed" says
BAD = [
    ("mode: prod\n", 1, "mode", "prod", "demo, production"),
    ("tenant: A B\n", 1, "tenant", "A B", "lower-case"),
    ("log:\n  level: loud\n", 2, "log.level", "loud", "debug, info, warning, error"),
    ("log: 3\n", 1, "log", "3", "keys with values"),
    ("http:\n  host: x\n  port: many\n", 3, "http.port", "many", "0–65535"),
    ("http: {port: 70000}\n", 1, "http.port", "70000", "0–65535"),
    ("http: {prot: 1}\n", 1, "http.prot", "1", "host, port, public_url"),
    ("\nhtpp: {}\n", 2, "htpp", "{}", "http"),
    ("voice: {engine: siri}\n", 1, "voice.engine", "siri", "sense_voice, paraformer, whisper"),
    ("voice:\n  seconds: 0\n", 2, "voice.seconds", "0", "1–300"),
    ("voice: {timeout: soon}\n", 1, "voice.timeout", "soon", "1–300"),
    ("voice: {waiting: 101}\n", 1, "voice.waiting", "101", "1–100"),
    ("voice: {threads: 0}\n", 1, "voice.threads", "0", "1–16"),
    ("voice: {model: [1]}\n", 1, "voice.model", "[1]", "of a folder"),
    ("voice: {modell: x}\n", 1, "voice.modell", "x", "engine, model, language"),
    ("http: {public_url: example.com}\n", 1, "http.public_url", "example.com", "https://"),
    ("database: {url: 'mysql://x'}\n", 1, "database.url", "mysql://x", "postgresql://"),
    ("secret_key: [1]\n", 1, "secret_key", "[1…", "text"),
    ("- a\n", 1, "", "- a", "keys with values"),
    ("a: [\n", 2, "", "", "YAML"),
]


@pytest.mark.parametrize(("text", "line", "key", "found", "says"), BAD)
def test_a_mistake_is_named_with_its_line(
    text: str, line: int, key: str, found: str, says: str
) -> None:
    written(text)
    problem = problems()[0]
    assert (problem.file, problem.line) == ("config.yaml", line)
    assert (problem.key, problem.found) == (key, found)
    assert says in problem.allowed


def test_a_mistake_in_a_variable_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    written("http: {port: 1}\n")
    monkeypatch.setenv("PAIDAN__HTTP__PORT", "many")
    assert describe_all(problems()) == (
        "PAIDAN__HTTP__PORT http.port：写的是「many」，应为整数 0–65535"
    )


def test_a_misspelt_variable_is_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIDAN__DATABSE__URL", "sqlite:///x")
    assert [(p.file, p.rule) for p in problems()] == [("PAIDAN__DATABSE__URL", "known_key")]


def test_a_missing_secret_file_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIDAN__SECRET_KEY_FILE", "/none")
    assert problems()[0].file == "PAIDAN__SECRET_KEY_FILE"


def test_a_named_config_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIDAN_CONFIG", "none.yaml")
    assert problems()[0].file == "none.yaml"


def test_the_demo_makes_its_own_secret_once_for_its_owner_alone() -> None:
    settings = load_settings()
    secret = settings.secret()
    assert len(secret) >= 32
    assert load_settings().secret() == secret
    kept = settings.data_dir / "secret_key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [p.name for p in settings.data_dir.iterdir()] == ["secret_key"]


@pytest.mark.parametrize(
    "secret",
    [
        "short",
        "a" * 64,
        "change-me-please-0123456789abcdefghij",
        "my-example-key-0123456789abcdefghijkl",
    ],
)
def test_production_refuses_weak_and_sample_secrets(secret: str) -> None:
    written(f"mode: production\nsecret_key: '{secret}'\n")
    with pytest.raises(InvalidFile) as refused:
        load_settings().secret()
    problem = refused.value.problems[0]
    assert (problem.file, problem.line, problem.key) == ("config.yaml", 2, "secret_key")
    assert len(problem.found) <= 3


def test_production_on_postgres_wants_a_secret_to_share() -> None:
    written("mode: production\ndatabase: {url: 'postgresql://db/paidan'}\n")
    with pytest.raises(InvalidFile) as refused:
        load_settings().secret()
    assert refused.value.problems[0].file == "PAIDAN__SECRET_KEY"
    written("mode: production\n")
    assert len(load_settings().secret()) >= 32


def test_production_takes_a_secret_of_its_own_and_never_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAIDAN__MODE", "production")
    monkeypatch.setenv("PAIDAN__SECRET_KEY", GOOD_SECRET)
    settings = load_settings()
    assert settings.secret() == GOOD_SECRET.encode()
    assert GOOD_SECRET not in repr(settings)
    assert not settings.data_dir.exists()
