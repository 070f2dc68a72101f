"""The stored model: made once, read back safely, never half written."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from nlp import Understander, corpus, stored
from nlp.entities.loading import kept_at
from nlp.heads.loading import load_or_train, recipe_digest
from nlp.heads.model import EMERGENCY, HEADS, Model


def test_a_kept_model_is_read_back_and_answers_the_same(
    understander: Understander, tmp_path: Path
) -> None:
    path = tmp_path / "kept.npz"
    understander.model.save(path)
    again = Understander(
        Model.load(path), understander.tagger, spoken_model=understander.spoken_model
    )
    for text in ("电梯困人了", "谢谢师傅", "我家客厅灯不亮了 13812345678"):
        assert again.understand(text) == understander.understand(text)


def test_the_second_start_does_not_train(tmp_path: Path, understander: Understander) -> None:
    understander.model.save(tmp_path / f"understanding-{understander.model.name}.npz")
    said: list[str] = []
    assert load_or_train(tmp_path, said.append).name == understander.model.name
    assert said == []


@pytest.mark.parametrize("damage", [b"", b"not a model", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: bytes) -> None:
    few = corpus.load()[::20]
    digest = recipe_digest(few)
    path = tmp_path / f"understanding-{digest}.npz"
    path.write_bytes(damage)
    said: list[str] = []
    load_or_train(tmp_path, said.append, few)
    assert "cannot be read" in said[0]
    assert Model.load(path).name == digest


def test_a_pickle_in_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, header=np.array([{"about": {}}], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        Model.load(path)


def test_writers_at_once_leave_one_whole_file(tmp_path: Path, understander: Understander) -> None:
    path = tmp_path / "shared.npz"
    understander.model.save(path)
    writers = [threading.Thread(target=understander.model.save, args=(path,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert Model.load(path).name == understander.model.name
    assert [file.name for file in tmp_path.iterdir()] == ["shared.npz"]


def test_the_model_says_what_it_was_made_from(understander: Understander) -> None:
    about = understander.model.about
    assert set(about["figures"]) == {*HEADS, EMERGENCY}
    assert about["versions"].keys() == {"numpy", "scipy", "sklearn"}
    assert about["made"].endswith("+00:00")
    assert about["examples"] > 3000


def test_held_out_answers_are_good_enough(understander: Understander) -> None:
    figures = understander.model.about["figures"]
    assert figures["intent"]["accuracy"] >= 0.89
    assert figures["fault_type"]["accuracy"] >= 0.80
    assert figures["priority"]["accuracy"] >= 0.83
    assert figures["emotion"]["within_one"] >= 0.96
    assert figures["emergency"]["recall"] >= 0.92
    assert figures["emergency"]["precision"] >= 0.80


def test_serving_imports_nothing_that_only_training_needs(
    understander: Understander, tmp_path: Path
) -> None:
    understander.model.save(tmp_path / f"understanding-{understander.model.name}.npz")
    assert understander.spoken_model is not None
    understander.spoken_model.save(tmp_path / f"spoken-{understander.spoken_model.name}.npz")
    assert understander.tagger is not None
    stored.write(kept_at(tmp_path), understander.tagger.arrays())
    script = (
        "import sys, pathlib; from nlp import Understander;"
        f"Understander.load(pathlib.Path({str(tmp_path)!r})).understand('电梯困人了');"
        "print({'sklearn', 'scipy', 'jieba', 'pycrfsuite'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
