"""``paidan doctor``: is everything in place to run, and if not, how to mend it."""

from __future__ import annotations

import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bots.gateway.adapter import Finding
from paidan.channels import Channels, door
from paidan.holidays import holiday_table
from paidan.problems import InvalidFile, describe
from paidan.settings import Settings
from paidan.voice import equipment

ROOMS: Final = ("bots", "nlp", "notifier", "paidan", "storage", "workflow")
OLDEST_PYTHON: Final = (3, 11)


WORDS: Final[dict[str, tuple[str, str]]] = {
    "python": ("Python {}", "Python {}"),
    "python_old": (
        "Python {} 太旧；请装 3.11 或更新的版本",
        "Python {} is too old; install 3.11 or newer",
    ),
    "names": ("程序自己的包没有被别的包顶替", "no other distribution has taken our package names"),
    "names_clash": (
        "包 {} 来自 {}，不是 Paidan 的；请卸载它再重装 Paidan",
        "package {} comes from {}, not from Paidan; uninstall that and reinstall Paidan",
    ),
    "data_dir": ("数据目录 {} 可写", "data folder {} is writable"),
    "data_dir_closed": (
        "数据目录 {} 写不了（{}）；改 data_dir 或给它写权限",
        "data folder {} cannot be written ({}); change data_dir or its permissions",
    ),
    "database": ("数据库可用，结构版本 {}", "the database answers, revision {}"),
    "database_new": (
        "数据库还没有建；首次启动会自动建，或现在跑 paidan migrate",
        "there is no database yet; it is made on first start, or now by paidan migrate",
    ),
    "database_old": (
        "数据库结构是 {}，程序要 {}；请跑 paidan migrate",
        "the database is at revision {}, the program wants {}; run paidan migrate",
    ),
    "database_closed": (
        "数据库连不上：{}；检查 database.url 和数据库是否在运行",
        "the database does not answer: {}; check database.url and that it is running",
    ),
    "company": ("公司 {} 已导入，{} 人", "company {} is stored, {} people"),
    "company_missing": (
        "租户 {} 还没有公司；请跑 paidan import company.yaml",
        "tenant {} has no company yet; run paidan import company.yaml",
    ),
    "model": ("语言模型已训练好", "the language model is trained"),
    "model_missing": (
        "语言模型还没有训练；首次启动会自动训练（几秒到几十秒）",
        "the language model is not trained yet; the first start does it (seconds)",
    ),
    "holidays": ("节假日表覆盖到 {} 年", "the holiday table reaches to {}"),
    "holidays_missing": (
        "节假日表没有 {} 年，届时按平常星期计算；通知发布后请升级 Paidan",
        "the holiday table lacks {}; weekdays are used then; upgrade Paidan once it is announced",
    ),
    "secret": ("签名密钥可用", "the signing secret is good"),
    "secret_bad": ("{}", "{}"),
    "channel_off": (
        "渠道 {} 没有配置；在 config.yaml 的 channels.{} 里填好账号再来",
        "channel {} is not set up; fill in channels.{} in config.yaml first",
    ),
    "channel_failed": (
        "渠道 {} 连不上：{}；检查网络、代理和防火墙",
        "channel {} does not answer: {}; check network, proxy and firewall",
    ),
    "callback_private": (
        "http.public_url 是 {}，平台从公网访问不到；填一个公网 https 地址",
        "http.public_url is {}, which no platform can reach; give a public https address",
    ),
    "port": ("端口 {} 空着", "port {} is free"),
    "port_taken": (
        "端口 {} 被占用（Paidan 可能正在运行）；或改 http.port",
        "port {} is taken (Paidan may be running); or change http.port",
    ),
}


def examine(settings: Settings, today: date, locale: str = "zh_CN") -> Iterator[Finding]:
    """Look at everything, cheapest first; never raises."""
    looks: tuple[Callable[[], Finding], ...] = (
        _python,
        names,
        lambda: _data_dir(settings.data_dir),
        lambda: _database(settings),
        lambda: _company(settings),
        lambda: _model(settings.model_dir),
        lambda: _voice(settings, locale),
        lambda: _holidays(today),
        lambda: _secret(settings, locale),
        lambda: _port(settings.http.host, settings.http.port),
    )
    for look in looks:
        yield look()


def say(finding: Finding, locale: str = "zh_CN") -> str:
    """One line: a sign, what was found, how to mend it."""
    sign = {"ok": "✓", "warn": "!", "fail": "✗"}[finding.level]
    pair = {**Channels.words(), **equipment.WORDS, **door.WORDS, **WORDS}[finding.code]
    words = pair[0] if locale.startswith("zh") else pair[1]
    return f"{sign} {words.format(*finding.facts)}"


def names(rooms: tuple[str, ...] = ROOMS) -> Finding:
    """Whether our top-level packages are still ours: a later install may have overwritten one."""
    owners = packages_distributions()
    home = Path(__file__).parent.parent
    for room in rooms:
        strangers = [d for d in owners.get(room, []) if d.lower() != "paidan"]
        spec = find_spec(room)
        where = Path(spec.origin).parent.parent if spec and spec.origin else None
        if strangers or (where is not None and where != home):
            return Finding("fail", "names_clash", (room, ", ".join(strangers) or str(where)))
    return Finding("ok", "names")


def _python() -> Finding:
    version = sys.version.split()[0]
    good = sys.version_info >= OLDEST_PYTHON
    return (
        Finding("ok", "python", (version,)) if good else Finding("fail", "python_old", (version,))
    )


def _data_dir(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Finding("ok", "data_dir", (str(folder),))
    except OSError as error:
        return Finding("fail", "data_dir_closed", (str(folder), error.strerror or str(error)))


def _database(settings: Settings) -> Finding:
    from storage import Unavailable, revision  # noqa: PLC0415 - only some commands pay for SQL
    from storage.migrating import HEAD  # noqa: PLC0415 - the same

    if _new_file(settings.database_url):
        return Finding("warn", "database_new")
    try:
        found = revision(settings.database_url)
    except Unavailable as error:
        return Finding("fail", "database_closed", (str(error.data.get("why", error)),))
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, the doctor goes on
        return Finding("fail", "database_closed", (str(error).splitlines()[0],))
    if found is None:
        return Finding("warn", "database_new")
    if found != HEAD:
        return Finding("fail", "database_old", (found, HEAD))
    return Finding("ok", "database", (found,))


def _new_file(url: str) -> bool:
    """An SQLite file that is not there; asking for its revision would make it."""
    return url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists()


def _company(settings: Settings) -> Finding:
    from paidan.errands import stored_company  # noqa: PLC0415 - only some commands pay for SQL

    missing = Finding("warn", "company_missing", (settings.tenant,))
    if _database(settings).level != "ok":
        return missing
    company = stored_company(settings)
    return Finding("ok", "company", (company.name, str(len(company.staff)))) if company else missing


def _model(folder: Path) -> Finding:
    trained = folder.is_dir() and any(folder.glob("*.npz"))
    return Finding("ok", "model") if trained else Finding("warn", "model_missing")


def _voice(settings: Settings, locale: str) -> Finding:
    from paidan.voice import trial  # noqa: PLC0415 - only some commands pay for it

    return trial.examine(settings.voice, locale)


def _holidays(today: date) -> Finding:
    covered = holiday_table("cn").covered_years
    missing = [str(year) for year in (today.year, today.year + 1) if year not in covered]
    if missing:
        return Finding("warn", "holidays_missing", ("、".join(missing),))
    return Finding("ok", "holidays", (str(max(covered)),))


def _secret(settings: Settings, locale: str) -> Finding:
    try:
        settings.secret()
    except InvalidFile as error:
        return Finding("fail", "secret_bad", (describe(error.problems[0], locale),))
    except OSError as error:
        return Finding("fail", "data_dir_closed", (str(settings.data_dir), str(error)))
    return Finding("ok", "secret")


def _port(host: str, port: int) -> Finding:
    try:
        with socket.create_server((host, port)):
            return Finding("ok", "port", (str(port),))
    except OSError:
        return Finding("warn", "port_taken", (str(port),))
