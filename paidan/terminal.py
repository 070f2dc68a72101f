"""How the command line speaks: Chinese, or English when the environment says so."""

from __future__ import annotations

import errno
import os

from workflow.errors import PaidanError


class Refusal(Exception):
    """A sentence for the person at the terminal."""


def locale() -> str:
    """The reader's language: English when ``LC_ALL`` or ``LANG`` says so, else Chinese."""
    said = next((os.environ[n] for n in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(n)), "")
    return "en" if said.lower().startswith("en") else "zh_CN"


def say(zh: str, en: str) -> str:
    """One of two wordings."""
    return zh if locale() == "zh_CN" else en


def sentence(error: Exception) -> str:
    """What went wrong and how to mend it, in plain words."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return say(
            f"端口被占用：{error.strerror}；关掉占用它的程序，或改 http.port",
            f"the port is taken: {error.strerror}; stop what uses it, or change http.port",
        )
    if isinstance(error, OSError):
        return f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")
    if not isinstance(error, PaidanError):
        return str(error)
    from paidan.problems import InvalidFile, describe_all  # noqa: PLC0415 - only for a bad file

    if isinstance(error, InvalidFile):
        return describe_all(error.problems, locale())
    return _refused(error.code, {name: str(fact) for name, fact in error.data.items()})


_PLAIN = {
    "backup_exists": (
        "{found} 已存在，备份不覆盖任何文件；换个名字，或给一个文件夹",
        "{found} exists and is never overwritten; choose a new name, or give a folder",
    ),
    "backup_nothing": ("{found} 还没有数据库，没有可备份的", "there is no database at {found} yet"),
    "backup_none": (
        "{found} 不是 Paidan 的备份，或者已经残缺；什么都没有改（{why}）",
        "{found} is no backup of Paidan, or is cut short; nothing was changed ({why})",
    ),
    "backup_damaged": (
        "备份坏了：{found} 和记录对不上；什么都没有改（{why}）",
        "the backup is damaged: {found} is not what was recorded; nothing was changed ({why})",
    ),
    "backup_newer": (
        "备份是更新的程序（{found}）做的，这里是 {allowed}；先升级 Paidan，什么都没有改",
        "the backup is of a newer program ({found}, here {allowed}); upgrade Paidan first; "
        "nothing was changed",
    ),
    "backup_elsewhere": (
        "备份来自 {found}，配置里的数据库是 {allowed}；改 database.url，什么都没有改",
        "the backup is of {found}, but the settings name {allowed}; change database.url; "
        "nothing was changed",
    ),
    "restore_busy": (
        "有进程正在用这个数据库（{found}）；先停下 paidan serve，什么都没有改",
        "the database is in use ({found}); stop paidan serve first; nothing was changed",
    ),
    "restore_occupied": (
        "目标里已经有数据；确定要换掉就加 --force（原来的会留在一边），什么都没有改",
        "there is data already; add --force to replace it (it is kept aside); nothing was changed",
    ),
    "tool_missing": (
        "找不到 {found}；装上 PostgreSQL 的客户端（Debian：apt install postgresql-client），"
        "版本不低于服务器",
        "{found} is not there; install PostgreSQL's client tools (Debian: apt install "
        "postgresql-client), no older than the server",
    ),
    "model_reads_already": ("{found} 已经在用", "{found} reads already"),
    "nothing_to_roll_back": (
        "没有可退回的版本：还没有上线过别的模型",
        "nothing to go back to: no other model was promoted",
    ),
    "model_outdated": (
        "{found} 是旧程序训练的，不能用；请重训：paidan model retrain",
        "{found} was made by an older program; retrain: paidan model retrain",
    ),
}


def _refused(code: str, facts: dict[str, str]) -> str:
    found, allowed = facts.get("found", ""), facts.get("allowed", "")
    if code == "unknown_ticket":
        return say(f"没有工单 {facts.get('ref', '')}", f"no work order {facts.get('ref', '')}")
    if code == "unavailable":
        return say(f"数据库用不了：{facts.get('why')}", f"database unavailable: {facts.get('why')}")
    if facts.get("field") == "tenant":
        return say(
            f"租户 {found} 还没有公司；请先跑 paidan import company.yaml",
            f"tenant {found} has no company yet; run paidan import company.yaml first",
        )
    plain = _PLAIN.get(code)
    if plain is not None:
        return say(*plain).format(found=found, allowed=allowed, why=facts.get("why", ""))
    if allowed:
        what = facts.get("field") or facts.get("where", "")
        return say(
            f"{what}：写的是「{found}」，应为：{allowed}",
            f"{what}: found {found!r}; expected {allowed}",
        )
    return f"{code} " + ", ".join(f"{name}={fact}" for name, fact in facts.items())
