"""What ``compose.yaml`` promises: pinned images, health checks, volumes, a closed database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_every_service_is_looked_after() -> None:
    for name, service in SERVICES.items():
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped", name
        assert re.search(r":\d+\.\d+", service["image"]), name


def test_only_the_pages_are_open_to_the_outside() -> None:
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["web"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis"):
        assert SERVICES[name]["networks"] == ["inside"]


def test_volumes_have_names() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in COMPOSE["volumes"], name


def test_pages_and_workers_have_their_roles() -> None:
    roles = {name: SERVICES[name]["command"][-1] for name in ("web", "worker")}
    assert roles == {"web": "web", "worker": "worker"}
    assert SERVICES["worker"]["deploy"]["replicas"] >= 2
