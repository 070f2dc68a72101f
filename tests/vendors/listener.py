"""Stands in for the listening process: does what it is told, or hears what a tone stands for.

``python -m tests.vendors.listener orders`` does what the clip says: ``words:…``, ``why:…``,
``hang``, ``crash``, ``garbage``. ``… tones`` is the real process, decoder and all, whose engine
hears a sentence in each pitch and which takes every sound for speech. ``… unready``, ``… mute``
and any other never begin.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from paidan.voice.listening import listen
from paidan.voice.section import Voice
from paidan.voice.sound import RATE, Samples

SENTENCES = {440: "锦绣苑3栋2单元的点题困人了", 600: "锦绣苑3栋2单元501空调不制冷"}
"""By pitch. 点题 sounds like 电梯 and is no word."""


class Tones:
    """An engine that knows two notes."""

    lead = ""

    def hear(self, speech: Samples, _names: Sequence[str]) -> str:
        spectrum = np.abs(np.fft.rfft(speech))
        pitch = int(spectrum.argmax()) * RATE / len(speech)
        return next((said for at, said in SENTENCES.items() if abs(pitch - at) < 20), "")


def everything(samples: Samples) -> list[Samples]:
    return [samples] if np.abs(samples.astype(int)).max() > 100 else []


def obey() -> None:
    _say({"ready": True, "process": os.getpid()})
    while size := sys.stdin.buffer.read(4):
        head = json.loads(sys.stdin.buffer.read(int.from_bytes(size, "big")))
        order, _, what = sys.stdin.buffer.read(head["size"]).decode().partition(":")
        if order == "hang":
            signal.pause()
        elif order == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif order == "garbage":
            _say({"words": 7})
        elif order == "names":
            _say({"words": "、".join(head["names"]), "why": "", "seconds": 1})
        elif order == "process":
            _say({"words": str(os.getpid()), "why": "", "seconds": 1})
        elif order == "environment":
            _say({"words": "、".join(sorted(os.environ)), "why": "", "seconds": 1})
        elif order == "why":
            _say({"words": "", "why": what, "seconds": 1})
        else:
            _say({"words": what, "why": "", "seconds": 1})


def _say(said: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    behaviour, settings = sys.argv[1], Voice.model_validate_json(sys.argv[2])
    if settings.model is not None and settings.model.is_dir():
        with (settings.model / "started").open("a") as file:
            file.write(f"{os.getpid()}\n")
    if behaviour == "orders":
        obey()
    elif behaviour == "tones":
        listen(settings, Tones, everything)
    elif behaviour == "unready":
        _say({"ready": False, "code": "voice_unloaded", "why": [str(Path("m")), "bad magic"]})
    elif behaviour == "mute":
        signal.pause()
