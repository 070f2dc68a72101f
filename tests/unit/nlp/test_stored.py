"""Trained things on disk: how they are named, and who makes them when several start at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nlp import Understander, corpus, stored
from nlp.heads.apart import spoken_beside
from nlp.heads.loading import kept_spoken, recipe_digest
from tests.trained import FOLDER


def test_naming_the_shipped_model_parses_no_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the corpus was parsed")

    monkeypatch.setattr(corpus, "placed", parse)
    assert recipe_digest() == recipe_digest()


def test_other_rows_have_another_name() -> None:
    rows = corpus.load()[:50]
    names = {recipe_digest(), recipe_digest(rows), recipe_digest(rows[:-1])}
    assert len(names) == 3
    assert recipe_digest(rows) == recipe_digest(tuple(rows))


@pytest.mark.parametrize("change", ["another word", "another name", "moved between files"])
def test_any_change_to_a_folder_of_rows_shows(tmp_path: Path, change: str) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n", "utf-8")
    (tmp_path / "b.txt").write_text("three\n", "utf-8")
    before = stored.files(tmp_path)
    if change == "another word":
        (tmp_path / "b.txt").write_text("fourth\n", "utf-8")
    elif change == "another name":
        (tmp_path / "b.txt").rename(tmp_path / "c.txt")
    else:
        (tmp_path / "a.txt").write_text("one\n", "utf-8")
        (tmp_path / "b.txt").write_text("two\nthree\n", "utf-8")
    assert stored.files(tmp_path) != before


def test_what_is_no_row_changes_no_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n", "utf-8")
    before = stored.files(tmp_path)
    (tmp_path / "notes.md").write_text("not a row", "utf-8")
    assert stored.files(tmp_path) == before


def test_who_makes_it_holds_what_the_next_start_will_read(tmp_path: Path) -> None:
    def save(value: float, path: Path) -> None:
        path.write_text(f"{value:.3f}")

    def start() -> float:
        return stored.read_or_make(
            tmp_path / "thing", lambda p: float(p.read_text()), lambda: 1 / 3, save, print
        )

    assert start() == start()


def test_of_several_who_start_at_once_one_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "models" / "thing.npz"
    begun, go_on = threading.Event(), threading.Event()
    waiting = threading.Event()
    made: list[int] = []
    got: list[str] = []

    def make() -> str:
        begun.set()
        assert go_on.wait(10)
        made.append(1)
        return "made"

    def say(text: str) -> None:
        if "waiting" in text:
            waiting.set()

    def start() -> None:
        got.append(
            stored.read_or_make(
                path,
                lambda where: where.read_text("utf-8"),
                make,
                lambda thing, where: where.write_text(thing, "utf-8") and None,
                say,
            )
        )

    both = [threading.Thread(target=start), threading.Thread(target=start)]
    both[0].start()
    assert begun.wait(10)
    both[1].start()
    assert waiting.wait(10)
    go_on.set()
    for thread in both:
        thread.join(10)
    assert got == ["made", "made"]
    assert len(made) == 1


def test_a_failed_making_lets_the_next_one_try(tmp_path: Path) -> None:
    path = tmp_path / "thing.npz"

    def attempt(make: object) -> str:
        return stored.read_or_make(
            path,
            lambda where: where.read_text("utf-8"),
            make,  # type: ignore[arg-type]
            lambda thing, where: where.write_text(thing, "utf-8") and None,
            lambda _: None,
        )

    def fail() -> str:
        raise MemoryError

    with pytest.raises(MemoryError):
        attempt(fail)
    assert attempt(lambda: "made") == "made"


def python_is(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a shell script in the place of the interpreter that trains."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def test_what_is_trained_beside_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_is('echo "$3"; echo ready', tmp_path, monkeypatch)
    said: list[str] = []
    with spoken_beside(tmp_path, said.append):
        said.append("mine")
    assert said == ["mine", str(tmp_path), "ready"]


@pytest.mark.parametrize("script", ["exit 1", "kill $$"])
def test_training_beside_may_fail(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_is(script, tmp_path, monkeypatch)
    done = []
    with spoken_beside(tmp_path, print):
        done.append(1)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))
    with spoken_beside(tmp_path, print):
        done.append(2)
    assert done == [1, 2]


def test_who_is_interrupted_leaves_nobody_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_is("exec sleep 60", tmp_path, monkeypatch)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), spoken_beside(tmp_path, print):
        raise KeyboardInterrupt
    assert time.monotonic() - begun < 30


def test_what_is_there_is_not_trained_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_is("echo started", tmp_path, monkeypatch)
    kept_spoken(tmp_path).write_bytes(b"")
    said: list[str] = []
    with spoken_beside(tmp_path, said.append):
        pass
    assert said == []


def test_the_second_process_starts_without_a_warning(understander: Understander) -> None:
    del understander  # trained by now
    alone = [sys.executable, "-W", "error::RuntimeWarning", "-m", "nlp.heads.apart"]
    done = subprocess.run([*alone, str(FOLDER)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
