"""The process that listens: clips in, words out, one after the other, until its input ends.

What it is given was sent by strangers and is read by decoders written in C. So it inherits no
secret, writes no file, dumps no core, and has a bound on memory; whoever started it kills it when
it takes too long, and it kills itself should they be gone.

In: for each clip a length (4 bytes, big-endian) and as many bytes of JSON (``size``, ``names``),
then ``size`` bytes. Out: lines of JSON. The first says ``ready``, or ``code`` and ``why`` it is
not; then for each clip ``words`` (perhaps none), ``why`` there are none, and its ``seconds``.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from paidan.voice import sound, speech
from paidan.voice.engines import Engine, open_engine
from paidan.voice.equipment import Lacking, files
from paidan.voice.nonsense import sober
from paidan.voice.section import Voice

ROOM: Final = 2 * 1024**3
"""Bytes of address space on top of what the loaded model takes."""
GRACE: Final = 10
"""Seconds after its time limit when the process ends itself."""

Turns = Callable[[sound.Samples], list[sound.Samples]]


def answer(
    engine: Engine, clip: bytes, names: Sequence[str], seconds: float, turns: Turns
) -> dict[str, Any]:
    """What one clip says."""
    try:
        samples = sound.decode(clip, seconds)
    except sound.TooLong:
        return {"words": "", "why": "too_long", "seconds": seconds}
    except sound.Unreadable:
        return {"words": "", "why": "unreadable", "seconds": 0.0}
    length = round(len(samples) / sound.RATE, 2)
    spoken = turns(samples)
    if not spoken:
        return {"words": "", "why": "silence", "seconds": length}
    heard = (sober(engine.hear(turn, names), engine.lead, names) for turn in spoken)
    words = " ".join(part for part in heard if part)
    return {"words": words, "why": "" if words else "no_words", "seconds": length}


def listen(
    voice: Voice,
    opened: Callable[[], Engine],
    turns: Turns = speech.turns,
    source: BinaryIO | None = None,
    sink: BinaryIO | None = None,
) -> None:
    """Answer until the input ends.

    Args:
        voice: The settings.
        opened: Loads the engine.
        turns: Finds the speech in a clip.
        source: Where clips come from; standard input otherwise.
        sink: Where answers go; what was standard output otherwise.
    """
    read, write = source or sys.stdin.buffer, sink or _own_output()
    try:
        engine = opened()
        _close_in()
        engine.hear(np.zeros(sound.RATE, np.int16), ())  # a model of another kind fails here
    except Lacking as lacking:
        _say(write, {"ready": False, "code": lacking.code, "why": list(lacking.facts)})
        return
    except Exception as error:  # noqa: BLE001 - whatever an engine raises over a bad model
        why = [str(voice.model), f"{type(error).__name__}: {error}"[:300]]
        _say(write, {"ready": False, "code": "voice_unloaded", "why": why})
        return
    _say(write, {"ready": True})
    while (asked := _next(read)) is not None:
        _give_up_after(voice.timeout + GRACE)
        clip, names = asked
        _say(write, answer(engine, clip, names, voice.seconds, turns))
        _give_up_after(0)


def _next(source: BinaryIO) -> tuple[bytes, Sequence[str]] | None:
    size = source.read(4)
    if len(size) < 4:  # noqa: PLR2004 - see the protocol above
        return None
    head = json.loads(source.read(int.from_bytes(size, "big")))
    return source.read(head["size"]), head["names"]


def _say(sink: BinaryIO, said: dict[str, Any]) -> None:
    sink.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")
    sink.flush()


def _own_output() -> BinaryIO:
    """Standard output for our answers alone: what libraries print goes to standard error."""
    ours = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return ours


def _close_in() -> None:
    """No core, no file written, not much more memory than now; where the system can say so."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on every system

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        most = pages * resource.getpagesize() + ROOM
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _give_up_after(seconds: int) -> None:
    """A signal that ends the process even in the middle of C code; 0 takes it back."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def main() -> None:
    """The settings are the only argument, as JSON."""
    voice = Voice.model_validate_json(sys.argv[1])
    listen(voice, lambda: open_engine(voice, files(voice)))


if __name__ == "__main__":
    main()
