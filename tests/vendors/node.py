"""Tencent's own npm packages as judges of ours, where Node.js is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

PACKAGES = ("@wecom/crypto@1.0.1", "@wecom/aibot-node-sdk@1.0.7")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "paidan-tests/node"


def modules() -> Path:
    """The folder with Tencent's packages, installed once; the test is skipped where they cannot
    be, and the last lines of the run say so.
    """
    given = os.environ.get("PAIDAN_TEST_NODE_MODULES")
    if given:
        return Path(given).parent
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("no Node.js: Tencent's own packages did not judge this")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(_CACHE / "install.lock"):
        if not (_CACHE / "node_modules/@wecom/aibot-node-sdk").exists():
            asked = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
            done = subprocess.run(
                asked, cwd=_CACHE, capture_output=True, text=True, timeout=100, check=False
            )
            if done.returncode:
                pytest.skip(f"npm does not give Tencent's own packages: {done.stderr[-200:]}")
    return _CACHE


def run(script: str, given: Any) -> Any:
    """What a script answers: it reads ``given`` and prints one JSON value."""
    done = subprocess.run(
        ["node", "-e", f"const given = JSON.parse(process.argv[1]);\n{script}", json.dumps(given)],
        cwd=modules(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)
