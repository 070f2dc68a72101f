"""How long a start takes, what an idle process holds, and how soon it is gone.

    python bench/start.py [--times 5] [--dry]

``paidan demo`` with an empty folder and a model that is there: from starting the program to the
first answer of ``/readyz``, then the memory once it has nothing to do, then from SIGTERM to its
end. Beside it, in the same run: a Python that imports aiohttp and serves one page. Results go to
bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from as_served import MODEL
from results import recorded

from tests.faults.houses import free_port

BARE = (
    "import sys; from aiohttp import web; app = web.Application();"
    "app.router.add_get('/readyz', lambda _: web.Response());"
    "web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]), print=None)"
)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """Seconds to the first answer, megabytes at rest, seconds to the end."""

    start: float
    megabytes: float
    stop: float


def one(words: list[str], port: int, env: dict[str, str]) -> Run:
    """One process from beginning to end."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        words, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not _ready(port):
        assert process.poll() is None, "it ended by itself"
        time.sleep(0.01)
    started = time.perf_counter() - begun
    while _busy(process.pid):
        pass
    status = Path(f"/proc/{process.pid}/status").read_text()
    held = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    begun = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    return Run(started, held, time.perf_counter() - begun)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _busy(process: int) -> bool:
    """Whether it used a tenth of a processor in the last second."""

    def spent() -> float:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    before = spent()
    time.sleep(1)
    return spent() - before > 0.1


def paidan() -> Run:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "model").symlink_to(MODEL.resolve())
        port = free_port()
        env = {"PAIDAN_HOME": name, "PAIDAN__HTTP__PORT": str(port)}
        return one([sys.executable, "-m", "paidan.cli", "demo"], port, env)


def bare() -> Run:
    port = free_port()
    return one([sys.executable, "-c", BARE, str(port)], port, {})


def measure(times: int) -> None:
    print(f"{'':16}{'启动 s':>9}{'闲时 MB':>10}{'停下 s':>9}   中位数，{times} 次")
    for name, run in (("paidan demo", paidan), ("空的 aiohttp", bare)):
        runs = [run() for _ in range(times)]
        start, held, stop = (
            statistics.median(getattr(r, what) for r in runs)
            for what in ("start", "megabytes", "stop")
        )
        print(f"{name:16}{start:>11.2f}{held:>11.0f}{stop:>11.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="only print, touch no file")
    given = parser.parse_args()
    with recorded("启动、闲时内存、停下", "python bench/start.py", wanted=not given.dry):
        measure(given.times)


if __name__ == "__main__":
    main()
