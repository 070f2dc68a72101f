"""The vendors' own npm packages as judges of ours, where Node.js is there.

``tests/vendors/node`` names them and their versions; ``make`` installs them there.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NODE

_FOLDER = Path(__file__).with_name("node")
_INSTALLED = _FOLDER / "node_modules" / ".package-lock.json"


def _command(script: str, given: Any) -> list[str]:
    """How to run a script that reads ``given``; the test is skipped where that cannot be, and the
    last lines of the run say so.
    """
    node = shutil.which("node")
    if node is None or not _INSTALLED.exists():
        pytest.skip(f"{NODE}: not installed, so they did not judge this")
    return [node, "-e", f"const given = JSON.parse(process.argv[1]);\n{script}", json.dumps(given)]


def insist() -> None:
    """Skip the test where they are not installed, before anything waits for them."""
    _command("", {})


def run(script: str, given: Any) -> Any:
    """What a script answers: it prints one JSON value."""
    done = subprocess.run(
        _command(script, given),
        cwd=_FOLDER,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


async def start(script: str, given: Any) -> Process:
    """A script that goes on until it is ended; what it prints is its answer."""
    command = _command(script, given)
    return await asyncio.create_subprocess_exec(*command, cwd=_FOLDER, stdout=PIPE, stderr=DEVNULL)
