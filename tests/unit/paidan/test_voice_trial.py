"""The administrator is told whether voice works, what lacks, and what a clip says."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from paidan.cli import app
from paidan.doctor import say
from paidan.terminal import Refusal
from paidan.voice import equipment, trial
from paidan.voice.equipment import WORDS, Lacking, files
from paidan.voice.section import Voice
from paidan.voice.sound import decode
from paidan.voice.stenographer import Heard, Stenographer
from tests.vendors import recorder

Fake = Callable[[str], None]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a model, on a machine with every package."""
    for name in ("model.int8.onnx", "tokens.txt"):
        (tmp_path / name).touch()
    monkeypatch.setattr(equipment, "find_spec", lambda name: name)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    return tmp_path


@pytest.fixture
def behave(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Lets the process behave like this (:mod:`tests.vendors.listener`)."""
    root = Path(__file__).parents[3]
    monkeypatch.setenv("PYTHONPATH", f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    def behave(behaviour: str) -> None:
        command = (sys.executable, "-m", "tests.vendors.listener", behaviour)
        monkeypatch.setattr(trial, "Stenographer", partial(Stenographer, command=command))

    return behave


def test_without_a_model_the_doctor_only_warns() -> None:
    finding = trial.examine(Voice())
    assert (finding.level, finding.code) == ("warn", "voice_off")
    assert "docs/how-to/voice.md" in say(finding)


def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(equipment, "find_spec", lambda name: None if name == "av" else name)
    assert "pip install 'paidan[voice]'" in say(trial.examine(Voice(model=model)))
    whisper = trial.examine(Voice(model=model, engine="whisper"))
    assert (whisper.code, whisper.facts) == ("voice_extra", ("av", "voice-whisper"))


def test_a_model_that_is_not_there_or_not_whole_is_named(model: Path) -> None:
    (model / "tokens.txt").unlink()
    assert trial.examine(Voice(model=model)).facts == (str(model), "tokens.txt")
    nowhere = trial.examine(Voice(model=model / "x", engine="whisper"))
    assert (nowhere.level, nowhere.facts) == ("fail", (str(model / "x"), "model.bin"))


def test_of_two_models_the_small_one_is_taken(model: Path) -> None:
    (model / "model.onnx").touch()
    assert files(Voice(model=model))["model"] == model / "model.int8.onnx"
    (model / "model.int8.onnx").unlink()
    assert files(Voice(model=model, engine="paraformer"))["model"] == model / "model.onnx"


def test_a_tone_that_gives_no_words_is_well(
    model: Path, behave: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave("tones")
    monkeypatch.setattr(trial, "_PITCH", 3_000.0)
    finding = trial.examine(Voice(model=model))
    assert (finding.level, finding.code) == ("ok", "voice")
    assert "sense_voice" in say(finding)


def test_a_tone_that_gives_words_is_an_illness(model: Path, behave: Fake) -> None:
    behave("tones")
    finding = trial.examine(Voice(model=model))
    assert (finding.level, finding.code) == ("fail", "voice_invents")
    assert "点题困人了" in say(finding)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [("unready", "m 打不开：bad magic"), ("nothing", "进程退出了")],
)
def test_a_model_that_cannot_be_opened_is_an_illness(
    model: Path, behave: Fake, behaviour: str, said: str
) -> None:
    behave(behaviour)
    finding = trial.examine(Voice(model=model))
    assert finding.level == "fail"
    assert said in say(finding)


def test_a_model_that_is_too_slow_is_an_illness(
    model: Path, behave: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave("orders")
    monkeypatch.setattr(trial, "tone", lambda: b"hang")
    finding = trial.examine(Voice(model=model, timeout=1))
    assert (finding.level, finding.code) == ("fail", "voice_failed")
    assert "调大 voice.timeout" in say(finding)


def test_the_doctors_tone_is_a_clip() -> None:
    assert len(decode(trial.tone(), 60)) == 32_000


def test_every_reason_is_worded_in_both_languages() -> None:
    for pair in (*WORDS.values(), *trial._WHY.values()):
        assert pair[0].count("{}") == pair[1].count("{}")
    for why in trial._WHY:
        for locale in ("zh_CN", "en"):
            assert "{}" not in trial.none_heard(Heard(why=why), Voice(), locale)


# --- paidan transcribe ------------------------------------------------------------------------


def transcribe(tmp_path: Path, clip: bytes, *more: str) -> Any:
    (tmp_path / "clip").write_bytes(clip)
    (tmp_path / "config.yaml").write_text(f"voice: {{model: '{tmp_path}', timeout: 20}}")
    command = ["transcribe", str(tmp_path / "clip"), "-c", str(tmp_path / "config.yaml"), *more]
    return CliRunner().invoke(app, command)


def test_a_clip_is_put_into_words(model: Path, behave: Fake) -> None:
    behave("tones")
    ran = transcribe(model, recorder.record(recorder.tone(600), "amr"))
    assert (ran.exit_code, ran.stdout) == (0, "锦绣苑3栋2单元501空调不制冷\n")


def test_the_companys_own_words_are_in_mind(model: Path, behave: Fake) -> None:
    behave("orders")
    own = Path(__file__).parents[3] / "paidan" / "demo" / "company.yaml"
    assert "大白" in transcribe(model, b"names", "--company", str(own)).stdout


def test_a_clip_without_words_says_why(model: Path, behave: Fake) -> None:
    behave("tones")
    ran = transcribe(model, recorder.record(recorder.silence(), "amr"))
    assert (ran.exit_code, ran.stdout, ran.stderr) == (1, "", "没有人声\n")
    ran = transcribe(model, b"MZ")
    assert ran.exit_code == 1
    assert "AMR" in ran.stderr
    assert transcribe(model, b"").exit_code == 1


def test_what_lacks_is_said_instead(tmp_path: Path) -> None:
    ran = transcribe(tmp_path, b"x")
    assert isinstance(ran.exception, Refusal)
    assert isinstance(ran.exception.__cause__, Lacking)
