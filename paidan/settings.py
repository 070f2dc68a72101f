"""Where Paidan keeps its data, how it is reached, and its secret: ``config.yaml`` and environment.

From weakest to strongest: built-in defaults, ``config.yaml``, ``PAIDAN__SECTION__KEY``. A value
that should not stand in either comes from a file: ``PAIDAN__SECRET_KEY_FILE=/run/secrets/key``,
``PAIDAN__DATABASE__URL_FILE=…`` or any other key with ``_FILE`` after it; the file wins.
What is wrong comes out as :class:`~paidan.problems.InvalidFile`, naming file and line, or the
variable.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import yaml
from pydantic import AfterValidator, Field, PrivateAttr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

from paidan.channels import Channels
from paidan.channels.section import Section
from paidan.company_file.reading import compose
from paidan.problems import InvalidFile, Problem
from paidan.voice.section import Voice

PREFIX: Final = "PAIDAN__"
FROM_FILE: Final = "_FILE"
CONFIG_FILE: Final = "config.yaml"
SECRET_LENGTH: Final = 32
SAMPLES: Final = ("change", "sample", "example", "secret", "password", "示例", "修改", "123456")
KEY_FILE: Final = "secret_key"
LEAST_DAYS: Final = 30
MOST_DAYS: Final = 36_500
_PRIVATE: Final = ("secret", "token", "key", "password", "redis.url")
"""Keys that end so are never shown whole."""


def _long_enough(days: int) -> int:
    if days and not LEAST_DAYS <= days <= MOST_DAYS:
        raise ValueError(days)
    return days


Days = Annotated[int, AfterValidator(_long_enough)]
"""0, or days after which something goes; shorter than a month, work may still come back to it."""


class Database(Section):
    """``url``: ``sqlite:///path`` or ``postgresql://…``; empty: a file in the data folder."""

    url: str = Field(default="", pattern=r"^(sqlite:///|postgresql(\+psycopg)?://|$)")


class Redis(Section):
    """``url``: ``redis://host:6379/0``; empty: none, and everything shared stays in SQL."""

    url: str = Field(default="", pattern=r"^(rediss?://\S+|unix://\S+|$)", repr=False)


class Http(Section):
    """Where the pages are served. ``public_url`` is what links in chats begin with."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    public_url: str = Field(default="", pattern=r"^(https?://[^\s/]+(/\S*)?)?$")

    @property
    def near(self) -> str:
        """The host under which this machine reaches what is served on ``host``."""
        return "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104 - read, not bound


class Metrics(Section):
    """Who may read the figures: ``token`` opens ``/metrics`` for ``Authorization: Bearer``;
    ``port`` (0: none) shows figures and health on ``host`` and nothing else there.
    """

    token: str = Field(default="", pattern=r"^([!-~]{16,}|$)", repr=False)
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)


class Tracing(Section):
    """``endpoint``: the OTLP collector that spans are sent to over HTTP; empty: nowhere."""

    endpoint: str = Field(default="", pattern=r"^(https?://[^\s/]+(/\S*)?)?$")


class Log(Section):
    """``format``: text for people, json for collectors, auto by whether a terminal listens."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class Learning(Section):
    """``retrain_at``: when corrections are learnt from, at night by the company's clock; empty:
    never by itself. ``keep``: how many model versions are kept.
    """

    retrain_at: str = Field(default="03:30", pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")
    keep: int = Field(default=5, ge=1, le=50)


class Retention(Section):
    """How many days what is over stays; 0: for ever. ``at``: when the rest goes, at night by the
    company's clock; empty: never by itself.
    """

    at: str = Field(default="02:30", pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")
    chatter: Days = 90
    messages: Days = 0
    notices: Days = 0
    media: Days = 0
    orders: Days = 0


class Audit(Section):
    """``at``: when the books are audited, at night by the company's clock; empty: never."""

    at: str = Field(default="04:30", pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")


class Settings(BaseSettings):
    """Everything the program needs to know before it opens anything.

    ``mode``: ``demo`` opens the sandbox to whoever can reach it; ``production`` asks for sign-in
    and a secret of your own. ``tenant`` is the company served, ``data_dir`` holds database,
    attachments and the trained model (default ``$PAIDAN_HOME``, else ``./var``).
    """

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__"
    )

    mode: Literal["demo", "production"] = "demo"
    tenant: str = Field(default="demo", pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    locale: Literal["zh_CN", "en"] = "zh_CN"
    data_dir: Path = Field(default_factory=lambda: Path(os.environ.get("PAIDAN_HOME", "var")))
    database: Database = Database()
    redis: Redis = Redis()
    http: Http = Http()
    metrics: Metrics = Metrics()
    tracing: Tracing = Tracing()
    log: Log = Log()
    learning: Learning = Learning()
    retention: Retention = Retention()
    audit: Audit = Audit()
    voice: Voice = Voice()
    secret_key: str = Field(default="", repr=False)
    channels: Channels = Channels()

    _config: Path | None = PrivateAttr(None)

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables, then what ``config.yaml`` said."""
        return _Environment(settings_cls), init_settings

    @property
    def config_file(self) -> Path | None:
        """The file these settings were read from, if any."""
        return self._config

    @property
    def database_url(self) -> str:
        """Where the truth is kept."""
        return self.database.url or f"sqlite:///{(self.data_dir / 'paidan.db').absolute()}"

    @property
    def blobs(self) -> Path:
        """The folder for attachments."""
        return self.data_dir / "blobs"

    @property
    def model_dir(self) -> Path:
        """The folder for the trained model."""
        return self.data_dir / "model"

    @property
    def public_url(self) -> str:
        """What links begin with, without a slash at the end."""
        return (self.http.public_url or self.local_url).rstrip("/")

    @property
    def local_url(self) -> str:
        """Where the pages are reached on this machine."""
        return f"http://{self.http.near}:{self.http.port}"

    def secret(self) -> bytes:
        """The key that signs sessions and links. Without one, a random one is made on first use and
        kept in the data folder, readable by its owner alone.

        Raises:
            InvalidFile: production mode with a weak or sample secret, or without one on PostgreSQL,
                where several processes have to share it.
        """
        shared = self.database_url.startswith("postgresql")
        if self.mode == "production" and (self.secret_key or shared):
            self._insist_on_own_secret()
        if self.secret_key:
            return self.secret_key.encode()
        return _kept_secret(self.data_dir / KEY_FILE)

    def _insist_on_own_secret(self) -> None:
        key = self.secret_key
        if any(sample in key.lower() for sample in SAMPLES) or len(set(key)) < SECRET_LENGTH // 4:
            rule = "not_sample" if key else "secret"
        elif len(key) < SECRET_LENGTH:
            rule = "secret"
        else:
            return
        line = _lines(self._config).get(("secret_key",), 0) if self._config else 0
        where = str(self._config) if line else f"{PREFIX}SECRET_KEY"
        raise InvalidFile([Problem(where, line, "secret_key", _hidden(key), rule)])


def load_settings(config: Path | str | None = None) -> Settings:
    """Read ``config``, else ``$PAIDAN_CONFIG``, else ``./config.yaml``, else the one in
    ``$PAIDAN_HOME``, else none; then the environment.

    Raises:
        InvalidFile: something is not allowed; every problem names its place.
    """
    path = _found(config)
    values = _values(path) if path else {}
    _refuse_unknown_variables()
    try:
        settings = Settings(**values)
    except ValidationError as error:
        lines = _lines(path) if path else {}
        problems = [_problem(detail, path, lines) for detail in error.errors()]
        raise InvalidFile(problems) from error
    settings._config = path  # noqa: SLF001 - its own private attribute, set once here
    return settings


def _found(config: Path | str | None) -> Path | None:
    named = config or os.environ.get("PAIDAN_CONFIG")
    if named:
        return Path(named)
    home = os.environ.get("PAIDAN_HOME")
    usual = [Path(CONFIG_FILE), *([Path(home) / CONFIG_FILE] if home else [])]
    return next((path for path in usual if path.is_file()), None)


def _refuse_unknown_variables() -> None:
    """A misspelt variable would otherwise be ignored without a word."""
    known = _fields(())
    unknown = [
        Problem(name, 0, section.lower(), section.lower(), "known_key", tuple(known))
        for name in sorted(os.environ)
        if name.startswith(PREFIX)
        and (section := name.removeprefix(PREFIX).removesuffix(FROM_FILE).split("__")[0])
        and section.lower() not in known
    ]
    if unknown:
        raise InvalidFile(unknown)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InvalidFile([Problem(str(path), 0, "", "", "file", (str(said),))]) from error


def _values(path: Path) -> dict[str, Any]:
    """The file's own values; paths in it are meant from where it stands."""
    text = _text(path)
    node = compose(text, str(path))
    if not isinstance(node, yaml.MappingNode):
        raise InvalidFile([Problem(str(path), 1, "", text.strip()[:20], "mapping")])
    values: dict[str, Any] = {
        k: v for k, v in (yaml.safe_load(text) or {}).items() if v is not None
    }
    if isinstance(values.get("data_dir"), str):
        values["data_dir"] = path.parent / values["data_dir"]
    voice = values.get("voice")
    if isinstance(voice, dict) and isinstance(voice.get("model"), str) and voice["model"]:
        values["voice"] = {**voice, "model": path.parent / Path(voice["model"]).expanduser()}
    return values


def _lines(path: Path) -> dict[tuple[str, ...], int]:
    """Where each key of a file stands."""
    lines: dict[tuple[str, ...], int] = {}

    def walk(node: yaml.Node, above: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                key = (*above, str(name.value))
                lines[key] = name.start_mark.line + 1
                walk(value, key)

    walk(compose(_text(path), str(path)), ())
    return lines


def _problem(
    detail: ErrorDetails, path: Path | None, lines: Mapping[tuple[str, ...], int]
) -> Problem:
    """A pydantic complaint as a problem at its variable or its line."""
    loc = tuple(str(part) for part in detail["loc"])
    variable = PREFIX + "__".join(loc).upper()
    named = next((n for n in (variable + FROM_FILE, variable) if n in os.environ), None)
    where = named or str(path or variable)
    line = 0 if named else _nearest(loc, lines)
    key = ".".join(loc)
    private = any(key.endswith(name) for name in _PRIVATE)
    found = _hidden(str(detail["input"])) if private else str(detail["input"])
    rule, values = _rule(detail, loc)
    return Problem(where, line, key, found, rule, values)


def _nearest(loc: tuple[str, ...], lines: Mapping[tuple[str, ...], int]) -> int:
    return next((lines[loc[:n]] for n in range(len(loc), 0, -1) if loc[:n] in lines), 0)


_RULES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "tenant": ("tenant", ()),
    "database.url": ("database_url", ()),
    "http.public_url": ("url", ()),
    "http.port": ("integer", ("0–65535",)),
    "redis.url": ("redis_url", ()),
    "metrics.token": ("long_token", ()),
    "tracing.endpoint": ("url", ()),
    "metrics.port": ("integer", ("0–65535",)),
    "learning.retrain_at": ("wall_time", ()),
    "learning.keep": ("integer", ("1–50",)),
    "retention.at": ("wall_time", ()),
    **{
        f"retention.{what}": ("days", ())
        for what in ("chatter", "messages", "notices", "media", "orders")
    },
    "voice.seconds": ("integer", ("1–300",)),
    "voice.timeout": ("integer", ("1–300",)),
    "voice.waiting": ("integer", ("1–100",)),
    "voice.threads": ("integer", ("1–16",)),
    "voice.model": ("folder", ()),
}


def _rule(detail: ErrorDetails, loc: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    key = ".".join(loc)
    if detail["type"] == "extra_forbidden":
        return "known_key", tuple(_fields(loc[:-1]))
    if key in _RULES:
        return _RULES[key]
    if detail["type"] == "literal_error":
        return "one_of", get_args(_fields(loc[:-1])[loc[-1]])
    return ("mapping", ()) if detail["type"] in {"model_type", "dict_type"} else ("text", ())


def _fields(section: Sequence[str]) -> dict[str, Any]:
    """The keys of a section and their types."""
    model: Any = Settings
    for name in section:
        model = model.model_fields[name].annotation
    return {name: info.annotation for name, info in model.model_fields.items()}


def _hidden(secret: str) -> str:
    """A secret is never shown whole."""
    return f"{secret[:2]}…" if secret else ""


def _kept_secret(path: Path) -> bytes:
    """The secret in the data folder, made on first use; two processes starting at once agree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle, fresh = tempfile.mkstemp(dir=path.parent)  # readable by its owner alone
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(SECRET_LENGTH))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        Path(fresh).unlink()
    return path.read_bytes().strip()


class _Environment(EnvSettingsSource):
    """The variables, those that end in ``_FILE`` replaced by what their file holds."""

    @override
    def _load_env_vars(self) -> Mapping[str, str | None]:
        found = dict(super()._load_env_vars())
        named = [name for name in found if name.endswith(FROM_FILE.lower())]
        for name in (n for n in named if n.startswith(PREFIX.lower())):
            file = found.pop(name) or ""
            try:
                found[name.removesuffix(FROM_FILE.lower())] = Path(file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                problem = Problem(name.upper(), 0, "", "", "file", (str(error),))
                raise InvalidFile([problem]) from error
        return found
