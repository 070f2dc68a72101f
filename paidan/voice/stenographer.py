"""Writes down what is said in voice clips, in a process of its own that may crash, hang or die."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from paidan.voice.equipment import Lacking, files
from paidan.voice.section import Voice
from paidan.voice.sound import LARGEST

log = structlog.get_logger(__name__)

LOAD_WITHIN: Final = 60.0
"""Seconds a model may take to load."""
IDLE: Final = 900.0
"""Seconds without a clip after which the process ends and gives its memory back."""
AGAIN_AFTER: Final = 60.0
"""Seconds before a process that could not start is tried again."""
_LEAST: Final = 0.4
"""Share of its time a clip must have left when its turn comes; later, it would only be killed."""
_LINE: Final = 256 * 1024
_SHARED: Final = frozenset(
    {"PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANG", "LC_ALL", "LD_LIBRARY_PATH"}
    | {"SYSTEMROOT", "TMPDIR", "HOME"}
)
"""Variables the process is given; never ours, which hold secrets."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a clip: ``words``, or ``why`` there are none: ``silence``, ``no_words`` (nothing
    credible), ``too_long``, ``unreadable``, ``busy``, ``timeout``, ``crashed``, or a code of
    :data:`paidan.voice.equipment.WORDS` with its ``facts``. ``seconds`` is the clip's length.
    """

    words: str = ""
    why: str = ""
    seconds: float = 0.0
    facts: tuple[str, ...] = ()


class _Gone(Exception):
    """The process ended, or answered what makes no sense."""


class _NotReady(Exception):
    """The process says why it cannot begin."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        super().__init__(heard.why)


class Stenographer:
    """One clip at a time; the next ones wait, but not many and not long.

    Args:
        voice: The settings.
        command: What is started, the settings as JSON behind it.
    """

    def __init__(
        self,
        voice: Voice,
        command: Sequence[str] = (sys.executable, "-P", "-m", "paidan.voice.listening"),
        idle: float = IDLE,
    ) -> None:
        self._voice = voice
        self._command = command
        self._idle = idle
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: asyncio.subprocess.Process | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._refused: tuple[float, Heard] | None = None

    async def write_down(self, clip: bytes, names: Sequence[str] = ()) -> Heard:
        """What is said in a clip; never raises for what is in it.

        Args:
            clip: As it came.
            names: What may be named in it: the company's own words, its devices and places.
        """
        if len(clip) > LARGEST:
            return Heard(why="too_long")
        if self._waiting >= self._voice.waiting:
            return Heard(why="busy")
        self._waiting += 1
        try:
            return await self._in_turn(clip, names)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the process."""
        if self._resting is not None:
            self._resting.cancel()
        await self._end()

    async def _in_turn(self, clip: bytes, names: Sequence[str]) -> Heard:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._voice.timeout
        try:
            async with asyncio.timeout_at(until):
                await self._turn.acquire()
        except TimeoutError:
            return Heard(why="busy")
        try:
            if until - loop.time() < _LEAST * self._voice.timeout:
                return Heard(why="busy")
            return await self._asked(clip, names, until)
        finally:
            self._rest()
            self._turn.release()

    async def _asked(self, clip: bytes, names: Sequence[str], until: float) -> Heard:
        """The answer of the process, which does not outlive a clip it does not answer."""
        done = False
        try:
            loop = asyncio.get_running_loop()
            since = loop.time()
            process = await self._started()
            async with asyncio.timeout_at(until + loop.time() - since):
                heard = await _ask(process, clip, names)
            done = True
        except _NotReady as refused:
            return refused.heard
        except TimeoutError:
            return Heard(why="timeout")
        except (_Gone, OSError, ValueError) as error:
            log.warning("the listening process ended over a clip", why=str(error))
            return Heard(why="crashed")
        else:
            return heard
        finally:
            if not done:
                await self._end()

    async def _started(self) -> asyncio.subprocess.Process:
        """The process, its model loaded; loading does not count against the clip."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        now = asyncio.get_running_loop().time()
        if self._refused is not None and now < self._refused[0]:
            raise _NotReady(self._refused[1])
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            self._voice.model_dump_json(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_bare(self._voice.threads),
            limit=_LINE,
        )
        self._refused = await self._refusal(self._process)
        if self._refused is not None:
            raise _NotReady(self._refused[1])
        return self._process

    async def _refusal(self, process: asyncio.subprocess.Process) -> tuple[float, Heard] | None:
        """Why it does not begin, and until when it is not asked again."""
        try:
            async with asyncio.timeout(LOAD_WITHIN):
                told = await _line(process)
        except TimeoutError:
            heard = Heard(why="voice_slow", facts=(str(self._voice.model), f"{LOAD_WITHIN:.0f}"))
        except (_Gone, ValueError):
            heard = Heard(why="voice_died", facts=(str(self._voice.model),))
        else:
            if told.get("ready") is True:
                return None
            facts = tuple(str(fact) for fact in told.get("why", ()))
            heard = Heard(why=str(told.get("code")), facts=facts)
        log.error("voice is not put into words", why=heard.why, facts=heard.facts)
        return asyncio.get_running_loop().time() + AGAIN_AFTER, heard

    def _rest(self) -> None:
        """End the process when nobody has spoken for a while."""
        if self._resting is not None:
            self._resting.cancel()
        if self._process is not None:
            loop = asyncio.get_running_loop()
            self._resting = loop.call_later(self._idle, self._dismiss)

    def _dismiss(self) -> None:
        if self._process is not None and not self._turn.locked():
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process = None  # it takes a moment to die, and hears nobody meanwhile

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _ask(process: asyncio.subprocess.Process, clip: bytes, names: Sequence[str]) -> Heard:
    head = json.dumps({"size": len(clip), "names": list(names)}, ensure_ascii=False).encode()
    assert process.stdin is not None  # noqa: S101 - for the type checker
    process.stdin.write(len(head).to_bytes(4, "big") + head + clip)
    await process.stdin.drain()
    told = await _line(process)
    words, seconds = told.get("words"), told.get("seconds")
    if not isinstance(words, str) or not isinstance(seconds, int | float):
        raise _Gone("an answer without words")
    return Heard(words=words, why=str(told.get("why", "")), seconds=float(seconds))


async def _line(process: asyncio.subprocess.Process) -> Mapping[str, Any]:
    assert process.stdout is not None  # noqa: S101 - for the type checker
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise _Gone("it ended without an answer")
    told = json.loads(line)
    if not isinstance(told, dict):
        raise _Gone("an answer that is none")
    return told


def _bare(threads: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.upper() in _SHARED}
    paths = [str(Path(__file__).parents[2]), *filter(None, [kept.get("PYTHONPATH")])]
    kept["PYTHONPATH"] = os.pathsep.join(paths)
    return {**kept, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "PYTHONUTF8": "1"}


def hired(voice: Voice) -> Stenographer | None:
    """Nobody where the settings name no model; one that lacks something says so now, and again
    with every clip, for what is missing may be put there meanwhile.
    """
    if not voice.on:
        return None
    try:
        files(voice)
    except Lacking as lacking:
        log.warning("voice is not put into words", why=lacking.code, facts=lacking.facts)
    return Stenographer(voice)
