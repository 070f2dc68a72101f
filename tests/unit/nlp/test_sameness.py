"""Same incident or not: what keeps reports apart, what brings them together, and its interface."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pypinyin import Style
from pypinyin import pinyin as read_aloud

from nlp import Understander, jsonl, pairs
from nlp.sameness import SameIncident, load_or_teach, loading
from nlp.sameness.judge import contradiction, elsewhere, lay
from nlp.sameness.said import hear
from nlp.sameness.sounds import alike, harmonised
from tests import trained


@pytest.fixture(scope="session")
def judge(understander: Understander) -> SameIncident:
    found = understander.same_incident
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("a", "b", "gap", "who", "reason"),
    [
        ("8栋3单元电梯困人", "8栋5单元电梯困人", 5, False, "other_place"),
        ("1206空调不制冷", "1216空调不制冷", 20, False, "other_place"),
        ("左边电梯不动", "右边电梯不动", 3, False, "other_place"),
        ("二楼男厕堵了", "二楼女厕堵了", 30, False, "other_place"),
        ("终端SN77120345签到失败", "终端SN77120354签到失败", 10, False, "other_serial"),
        ("三楼空调报E4", "三楼空调报E7", 10, False, "other_error"),
        ("我家没水 9栋302", "9栋整栋都没水", 10, False, "other_scope"),
        ("厨房水槽漏水", "昨天修好的厨房水槽又漏了", 1500, True, "recurrence"),
    ],
)
def test_what_contradicts_keeps_two_reports_apart(
    judge: SameIncident, a: str, b: str, gap: float, who: bool, reason: str
) -> None:
    verdict = judge(a, b, gap, who)
    assert (verdict.same, verdict.reason) == (False, reason)


@pytest.mark.parametrize(
    ("a", "b", "gap", "who"),
    [
        ("C座2号梯困人", "C座二号电梯里有人出不来", 2, False),
        ("3栋2单元501漏水", "三号楼二单元501水管漏了，楼下都湿了", 8, False),
        ("点题困人了 6栋", "6栋电梯困人了快来", 3, True),
        ("前台断网了", "前台断网了，打印机也连不上", 10, True),
        ("5栋3单元停电", "打错了，是3栋5单元停电", 2, True),
        ("1506空调不制冷", "1506空调还是不冷，怎么还没人来", 40, True),
    ],
)
def test_another_way_to_say_it_is_the_same(
    judge: SameIncident, a: str, b: str, gap: float, who: bool
) -> None:
    verdict = judge(a, b, gap, who)
    assert verdict.same, verdict


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("3号楼电梯困人", "食堂后厨蒸箱不上汽"),
        ("财务室打印机卡纸", "地库入口道闸不抬杆"),
        ("VPN登不上", "二车间空压机跳机"),
    ],
)
def test_strangers_words_in_no_way_alike_are_not_the_same(
    judge: SameIncident, a: str, b: str
) -> None:
    assert not judge(a, b, 15, False).same


def test_a_saved_decision_says_the_same_and_a_damaged_one_is_taught_again(
    judge: SameIncident, understander: Understander, tmp_path: Path
) -> None:
    path = tmp_path / "some.npz"
    loading.save(judge, path)
    again = loading.read(path, understander.model)
    for pair in (("A座1号梯停了", "A座一号电梯不走了"), ("空调不冷", "马桶堵了")):
        assert again(*pair, 10, False).score == pytest.approx(
            judge(*pair, 10, False).score, abs=1e-4
        )
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="not a whole model"):
        loading.read(path, understander.model)


@pytest.mark.usefixtures("judge")
def test_serving_needs_no_scikit_learn() -> None:
    script = (
        "import sys, pathlib; from nlp import Understander;"
        f"u = Understander.load(pathlib.Path({str(trained.FOLDER)!r}));"
        "u.same_incident('灯坏', '灯不亮');"
        "print({'sklearn', 'scipy', 'jieba', 'pypinyin', 'pycrfsuite'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_it_is_kept_for_the_next_start(understander: Understander, tmp_path: Path) -> None:
    kept = loading.kept_in(tmp_path, understander.model)
    assert understander.same_incident is not None
    loading.save(understander.same_incident, kept)
    said: list[str] = []
    load_or_teach(tmp_path, understander.model, said.append)
    assert said == []


# --- sounds -----------------------------------------------------------------------------------


def test_voice_slips_are_spelt_as_in_the_other_text() -> None:
    assert harmonised("点题坏了", "电梯坏了") == "电梯坏了"
    assert harmonised("十号楼", "四号楼") == "十号楼"
    assert harmonised("男门", "南门") == "男门"
    assert not alike("灯", "锁")


def test_the_table_of_readings_is_what_pypinyin_says() -> None:
    for character in "梯题调充插管冷漏":
        (said,) = read_aloud(character, style=Style.NORMAL, heteronym=False)
        other = next(c for c in "体提掉冲查馆愣楼" if alike(character, c))
        assert said
        assert other


# --- bulk -------------------------------------------------------------------------------------


def asked(judge: SameIncident, *lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in jsonl.pairs(lines, judge)]


def test_a_line_with_two_reports_gets_a_verdict(judge: SameIncident) -> None:
    pair = {"id": "p", "a": "1206空调不冷", "b": "1216空调不冷", "gap_min": 5, "same_user": False}
    (answer,) = asked(judge, json.dumps(pair) + "\n")
    assert answer["id"] == "p"
    assert answer["same"] is False
    assert 0 <= answer["score"] <= 1
    assert answer["reason"] == "other_place"
    (without,) = asked(judge, json.dumps({"id": 2, "a": "灯不亮", "b": "灯不亮"}))
    assert without.keys() == {"id", "same", "score", "reason"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("nonsense", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"id": 1, "a": "灯"}', "b is missing"),
        ('{"id": 1, "a": 3, "b": "灯"}', "a is missing or not a string"),
        ('{"id": 1, "a": "灯", "b": "灯", "gap_min": -1}', "gap_min"),
        ('{"id": 1, "a": "灯", "b": "灯", "gap_min": true}', "gap_min"),
        ('{"id": 1, "a": "灯", "b": "灯", "same_user": "yes"}', "same_user"),
    ],
)
def test_a_line_that_is_no_pair_says_what_is_wrong(
    judge: SameIncident, line: str, complaint: str
) -> None:
    bad, good = asked(judge, line, '{"id": 9, "a": "", "b": ""}')
    assert complaint in bad["error"]
    assert good["id"] == 9
    assert "same" in good


def test_what_is_told_apart_at_a_glance_would_be_told_apart_at_length() -> None:
    told = [pair for pair in pairs.load() if not pair.same]
    rooms = [f"{n}栋{n % 7 + 1}单元{n}0{n % 4 + 1}室空调不制冷" for n in range(1, 30)]
    couples = [(pair.a, pair.b) for pair in told] + list(product(rooms, rooms))
    at_a_glance = [(a, b) for a, b in couples if elsewhere(hear(a), hear(b))]

    assert len(at_a_glance) > len(rooms) * (len(rooms) - 1) / 2
    for a, b in at_a_glance:
        assert contradiction(lay(a, b, same_user=False)) == "other_place", (a, b)


def test_a_pair_has_one_score_in_every_process() -> None:
    script = (
        "from nlp import Understander, pairs; from tests import trained;"
        "judge = Understander.load(trained.FOLDER).same_incident;"
        "print([judge(p.a, p.b, 9.0, False) for p in pairs.load()[:600]])"
    )
    command = [sys.executable, "-c", script]
    said = {
        subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
