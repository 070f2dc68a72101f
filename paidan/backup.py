"""``paidan backup`` and ``paidan restore``: one tar file with everything a company cannot lose.

It holds ``manifest.json``, the database, each attachment the database knows, and the key that
signs links. It is written under another name and renamed when it is whole; it is read to its end
and proved before anything is touched.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Final

from paidan.audit import Report, prove
from paidan.settings import KEY_FILE, Settings
from storage import open_store, revision
from storage.copying import Copying, knows, revision_in
from workflow.errors import InvalidInput

FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_DATABASE: Final = "database"
_BLOB: Final = re.compile(r"blobs/([0-9a-f]{2})/([0-9a-f]{62})")
_CHUNK: Final = 1024 * 1024
_LARGEST_MANIFEST: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. ``lost`` names attachments that were gone when it was made."""

    program: str
    revision: str
    dialect: str
    at: str
    sha256: str
    blobs: int
    lost: tuple[str, ...] = ()
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: the backup's own words, the audits, and where what was there lies now."""

    manifest: Manifest
    reports: tuple[Report, ...]
    aside: str = ""

    @property
    def ok(self) -> bool:
        """Nothing is lost or altered."""
        return all(report.ok for report in self.reports)


# --- making one -----------------------------------------------------------------------------------


def back_up(settings: Settings, to: Path, now: datetime) -> tuple[Path, Manifest]:
    """Make a backup while everything runs; ``to`` is a new file, or a folder for one.

    Raises:
        InvalidInput: there is such a file, there is no database, or a tool of PostgreSQL lacks.
        Unavailable: the database cannot be read.
    """
    path = to / f"paidan-{now:%Y%m%d-%H%M%S}.tar" if to.is_dir() else to
    if path.exists():
        raise InvalidInput("backup_exists", found=str(path))
    copying = Copying(settings.database_url)
    try:
        if not copying.exists:
            raise InvalidInput("backup_nothing", found=settings.database_url)
        with tempfile.TemporaryDirectory(prefix=".paidan-backup-", dir=path.parent) as folder:
            draft = Path(folder) / "backup.tar"
            manifest = _pack(settings, copying, Path(folder), draft, now)
            draft.chmod(0o600)
            _rename(draft, path)
    finally:
        copying.close()
    return path, manifest


def _pack(
    settings: Settings, copying: Copying, folder: Path, draft: Path, now: datetime
) -> Manifest:
    copy = folder / _DATABASE
    at = revision(settings.database_url) or ""
    copying.take(copy)
    blobs = {name: settings.blobs / name[:2] / name[2:] for name in copying.blobs()}
    lost = tuple(sorted(name for name, path in blobs.items() if not path.is_file()))
    manifest = Manifest(
        program=version("paidan"),
        revision=revision_in(copy, copying.dialect) or at,
        dialect=copying.dialect,
        at=now.isoformat(),
        sha256=_sum(copy),
        blobs=len(blobs) - len(lost),
        lost=lost,
    )
    with draft.open("xb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            said = folder / _MANIFEST
            said.write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1), "utf-8")
            tar.add(said, _MANIFEST, filter=_bare)
            tar.add(copy, _DATABASE, filter=_bare)
            copy.unlink()
            key = settings.data_dir / KEY_FILE
            if key.is_file():
                tar.add(key, KEY_FILE, filter=_bare)
            for name, path in blobs.items():
                if name not in lost:
                    tar.add(path, f"blobs/{name[:2]}/{name[2:]}", filter=_bare)
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _bare(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nothing of the machine it was made on."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _rename(draft: Path, path: Path) -> None:
    """Under its name it is whole, or it is not there; nobody's file is overwritten."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise InvalidInput("backup_exists", found=str(path)) from None
    except OSError:
        draft.rename(path)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- putting one back -----------------------------------------------------------------------------


def restore(settings: Settings, path: Path, now: datetime, *, force: bool = False) -> Restored:
    """Put a backup where the settings say, bring it up to date and audit it.

    Args:
        settings: Where to.
        path: The backup.
        now: Names what was there before.
        force: Also where there is something already; it is kept aside.

    Raises:
        InvalidInput: it is no backup, damaged, of a newer program or for another kind of database,
            or there is something already, or a process is at work there. Nothing has changed.
        Unavailable: the database cannot be written.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with _unpacked(path, settings.data_dir) as (folder, manifest):
        copying = Copying(settings.database_url)
        try:
            _insist(copying, manifest, settings, folder, force=force)
            _put_blobs(folder / "blobs", settings.blobs)
            aside = copying.put(folder / _DATABASE, now)
        finally:
            copying.close()
        _put_key(folder / KEY_FILE, settings.data_dir / KEY_FILE, now)
    reports = asyncio.run(_audited(settings, datetime.fromisoformat(manifest.at)))
    return Restored(manifest, reports, aside)


def _insist(
    copying: Copying, manifest: Manifest, settings: Settings, folder: Path, *, force: bool
) -> None:
    if manifest.dialect != copying.dialect:
        raise InvalidInput("backup_elsewhere", found=manifest.dialect, allowed=copying.dialect)
    if not knows(revision_in(folder / _DATABASE, copying.dialect) or manifest.revision):
        raise InvalidInput("backup_newer", found=manifest.program, allowed=version("paidan"))
    if at_work := copying.busy():
        raise InvalidInput("restore_busy", found=", ".join(at_work))
    if not force and not copying.empty():
        raise InvalidInput("restore_occupied", found=settings.database_url)


@contextmanager
def _unpacked(path: Path, near: Path) -> Iterator[tuple[Path, Manifest]]:
    """Its contents in a passing folder, once all of it is there and proved."""
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix=".paidan-restore-", dir=near))
        )
        try:
            file = stack.enter_context(path.open("rb"))
            with tarfile.open(fileobj=file, mode="r:") as tar:
                manifest = _unpack(tar, folder)
        except (tarfile.TarError, EOFError, UnicodeDecodeError) as error:
            raise InvalidInput("backup_none", found=str(path), why=str(error)) from error
        yield folder, manifest


def _unpack(tar: tarfile.TarFile, folder: Path) -> Manifest:
    manifest: Manifest | None = None
    blobs, database = 0, ""
    for member in tar:
        if not member.isfile():
            raise InvalidInput("backup_damaged", found=member.name, why="not a file")
        source = tar.extractfile(member)
        assert source is not None  # noqa: S101 - a file has contents
        if member.name == _MANIFEST:
            manifest = _manifest(source.read(_LARGEST_MANIFEST))
        elif member.name in {_DATABASE, KEY_FILE}:
            digest = _write(source, folder / member.name, member.size)
            database = digest if member.name == _DATABASE else database
        elif found := _BLOB.fullmatch(member.name):
            digest = _write(source, folder / member.name, member.size)
            if digest != found[1] + found[2]:
                raise InvalidInput("backup_damaged", found=member.name, why="sha256")
            blobs += 1
        else:
            raise InvalidInput("backup_damaged", found=member.name, why="unknown")
    if manifest is None:
        raise InvalidInput("backup_none", found=str(tar.name), why=_MANIFEST)
    if database != manifest.sha256:
        raise InvalidInput("backup_damaged", found=_DATABASE, why="sha256")
    if blobs != manifest.blobs:
        why = f"{blobs} of {manifest.blobs}"
        raise InvalidInput("backup_damaged", found="blobs", why=why)
    return manifest


def _manifest(text: bytes) -> Manifest:
    try:
        said: Mapping[str, Any] = json.loads(text)
        if int(said["format"]) > FORMAT:
            raise InvalidInput("backup_newer", found=said["program"], allowed=version("paidan"))
        manifest = Manifest(**{**said, "lost": tuple(said["lost"])})
        datetime.fromisoformat(manifest.at).astimezone(UTC)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput("backup_none", found=_MANIFEST, why=str(error)) from error
    return manifest


def _write(source: IO[bytes], to: Path, size: int) -> str:
    """The digest of what was written."""
    to.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with to.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        if file.tell() != size:
            raise InvalidInput("backup_damaged", found=to.name, why="cut short")
    return digest.hexdigest()


def _put_blobs(folder: Path, to: Path) -> None:
    """Attachments are named by what they hold, so none that was there is lost by this."""
    for path in sorted(folder.glob("*/*")):
        target = to / path.relative_to(folder)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.replace(target)


def _put_key(key: Path, to: Path, now: datetime) -> None:
    """The key of the backup opens the links that were given out; another one is kept aside."""
    if not key.is_file():
        return
    if to.exists() and to.read_bytes() != key.read_bytes():
        to.rename(to.with_name(f"{to.name}.before-{now:%Y%m%d-%H%M%S}"))
    key.replace(to)


async def _audited(settings: Settings, at: datetime) -> tuple[Report, ...]:
    """Audit all companies as of then: what fell due since could not be done."""
    async with open_store(settings.database_url, settings.blobs) as store:
        passed = datetime.now(UTC) - at
        tenants = await store.tenants()
        return tuple([await prove(store, t, store.now(t) - passed) for t in tenants])
