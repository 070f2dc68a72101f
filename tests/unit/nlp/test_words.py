"""The word lists: how they are read, and what danger words mean in context."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from nlp import corpus, exam, lexicon, pairs, safety, sections, text
from nlp.corpus import variety
from nlp.terms import terms
from workflow.taxonomy import EMOTIONS, FAULT_TYPES, INTENTS


def dangers(message: str) -> tuple[list[str], list[str]]:
    """Kinds meant, and kinds denied."""
    found = safety.shipped().dangers(lexicon.shipped().meant(text.fold(message)))
    return [d.kind for d in found if d.meant], [d.kind for d in found if d.denied]


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("电梯困人", ["trapped"]),
        ("老人被困在里面", ["trapped"]),
        ("着活了快来", ["fire"]),
        ("没人管，着火了", ["fire"]),
        ("没反应，冒烟了", ["smoke"]),
        ("洗手被电了一下", ["shock"]),
        ("手夹住了", ["crush"]),
        ("水管爆了淹了", ["flood", "flood"]),
        ("积水到脚踝了", ["flood"]),
        ("树枝压着电线，刮风就冒蓝光", ["spark"]),
        ("锅炉压力表指针到红区了", ["pressure"]),
        ("喷淋头漏水，滴在配电柜上", ["wet"]),
        ("塔吊限位器失灵", ["fall"]),
        ("锅还在火上", ["fire"]),
        ("手被门夹住了，血都出来了", ["crush", "injury"]),
        ("a smell of gas in the kitchen", ["gas"]),
    ],
)
def test_dangers_that_are_meant(message: str, kinds: list[str]) -> None:
    assert dangers(message) == (kinds, [])


@pytest.mark.parametrize(
    "message",
    [
        "没有人被困",
        "人没困在里面",
        "不是着火，是蒸汽",
        "没有漏电",
        "没看到明火",
        "冒烟是误报",
        "困人是演练",
        "人都出来了，不算困人",
        "there is no gas leak",
    ],
)
def test_dangers_that_are_denied(message: str) -> None:
    meant, denied = dangers(message)
    assert meant == []
    assert denied


@pytest.mark.parametrize(
    "message",
    [
        "燃气费怎么交",
        "漏电保护器跳了",
        "灶打不着火",
        "断电了一下",
        "充电到30%就停",
        "万一着火怎么办",
        "来电了",
        "钢化玻璃炸了一地",
        "灯管炸了一根",
        "血水漫到路上",
        "洗澡水都到脚踝了",
        "smoke detector battery",
        "蛋糕全塌了",
        "我的邮件stuck in outbox",
        "电脑中毒了",
    ],
)
def test_harmless_words_are_no_danger(message: str) -> None:
    assert dangers(message)[0] == []


@pytest.mark.parametrize(
    "message",
    [
        "热水器漏电，插头拔了三天没用",
        "井盖没了，环卫拿木板盖住了",
        "油烟机有一次冒烟，后来没有",
        "桩被淹过，水退了没送电",
        "上次隔壁着火，消防车进不来",
        "昨晚电梯困人，你们处理得挺快",
    ],
)
def test_what_is_over_is_neither_meant_nor_denied(message: str) -> None:
    assert dangers(message) == ([], [])


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("已经断电了，电梯里困着人，被困的是老人", ["trapped"]),
        ("插头拔了还是起火", ["fire"]),
        ("路面塌了", ["fall"]),
        ("手机炸了", ["fire"]),
        ("昨晚就困在电梯里，到现在没人管", ["trapped"]),
    ],
)
def test_a_cut_frees_nobody_and_puts_out_no_fire(message: str, kinds: list[str]) -> None:
    assert dangers(message)[0] == kinds


@pytest.mark.parametrize("message", ["烤箱门玻璃啪一下炸了", "下水倒灌", "POS机电池鼓包"])
def test_words_that_mean_a_danger_too_seldom_are_facts_and_no_verdict(message: str) -> None:
    found = safety.shipped().dangers(lexicon.shipped().meant(text.fold(message)))
    assert found
    assert not any(d.meant or d.denied for d in found)


def test_longest_device_word_wins() -> None:
    found = lexicon.shipped().devices("空调遥控器和机械手夹爪")
    assert [(d.fault_type, d.end - d.start) for d in found] == [("hvac", 5), ("machine", 5)]


def test_words_that_hold_a_device_name_are_not_devices() -> None:
    assert lexicon.shipped().devices("打电话给部门上门") == []


def test_latin_words_are_not_found_inside_others() -> None:
    find = lexicon.shipped().devices
    assert find("black position") == []
    assert [d.fault_type for d in find("换个ac吧")] == ["hvac"]
    assert [d.end - d.start for d in find("card reader broken")] == [len("card reader")]


def test_every_device_belongs_to_a_fault_type() -> None:
    types = set(sections.words(lexicon.FOLDER / "devices.txt")) - {lexicon.NOT_A_DEVICE}
    assert types == set(FAULT_TYPES) - {"none"}


def test_folding_keeps_every_position() -> None:
    message = "Ａ座１２３ ㎡ ﬁ İ 😀ＰＯＳ"
    folded = text.fold(message)
    assert len(folded) == len(message)
    assert folded.startswith("a座123")


def test_traditional_characters_are_read_as_simplified() -> None:
    assert text.fold("電梯門夾人，樓頂漏水") == "电梯门夹人,楼顶漏水"


def test_the_corpus_covers_every_label() -> None:
    examples = corpus.load()
    assert {e.fault_type for e in examples} == set(FAULT_TYPES)
    assert {e.intent for e in examples} == set(INTENTS)
    assert {e.emotion for e in examples} == set(EMOTIONS)
    assert corpus.digest(examples) == corpus.digest(tuple(reversed(examples)))


def test_a_corpus_file_is_read_by_its_headings_and_marks(tmp_path: Path) -> None:
    (tmp_path / "hvac.txt").write_text(
        "# 说明\n[report P1 3]\n{l:3栋}{d:空调}不冷\n[图片]\n两行\\n消息{t:今天}\n"
        "[complaint P1 4]\n太差\n",
        "utf-8",
    )
    place, device = corpus.Marked("location", 0, 2), corpus.Marked("device", 2, 4)
    examples = corpus.load(tmp_path)
    assert examples == (
        corpus.Example("3栋空调不冷", "report", "hvac", "P1", "3", (place, device)),
        corpus.Example("[图片]", "report", "hvac", "P1", "3"),
        corpus.Example(
            "两行\n消息今天", "report", "hvac", "P1", "3", (corpus.Marked("time", 5, 7),)
        ),
        corpus.Example("太差", "complaint", "hvac", "P1", "4"),
    )
    lines = [corpus.mark(e.text, e.entities) for e in examples]
    assert [corpus.unmark(line) for line in lines] == [(e.text, e.entities) for e in examples]


@pytest.mark.parametrize("line", ["{x:空调}不冷", "{d:{l:3栋}空调}", "空调}不冷", "{d:}"])
def test_a_mark_that_is_none_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "hvac.txt").write_text(f"[report P1 3]\n{line}\n", "utf-8")
    with pytest.raises(ValueError, match=r"hvac\.txt:2: marks are"):
        corpus.load(tmp_path)


def test_rows_that_say_the_same_are_found_and_count_once() -> None:
    said = ["3号楼电梯困人了", "5号楼电梯困人了！", "卧室的灯一闪一闪", "？", "……"]
    found = variety.measure(said)
    assert [(t.first, t.second, t.similarity) for t in found.twins] == [(0, 1, 1.0)]
    assert (found.rows, found.effective) == (5, 4.0)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("boats.txt", "[report P1 3]\n船漏了\n", "fault_type|must be|one of"),
        ("hvac.txt", "空调不冷\n", "hvac.txt:1"),
        ("hvac.txt", "[report P1 3]\n坏了\n[report P0 3]\n坏了\n", "hvac.txt:4"),
    ],
)
def test_a_faulty_corpus_file_is_refused_with_its_place(
    tmp_path: Path, name: str, content: str, complaint: str
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ValueError, match=complaint):
        corpus.load(tmp_path)


def test_a_homophone_of_another_length_is_refused(tmp_path: Path) -> None:
    for source in lexicon.FOLDER.glob("*.txt"):
        (tmp_path / source.name).write_text(source.read_text("utf-8"), "utf-8")
    (tmp_path / "homophones.txt").write_text("[同音]\n点题题=电梯\n", "utf-8")
    with pytest.raises(ValueError, match="点题题"):
        lexicon.Lexicon(tmp_path)


def test_terms_are_content_words_in_one_form() -> None:
    found = terms("我家的ＰＯＳ机坏了，编号A0317")
    assert "pos" in " ".join(found)
    assert "的" not in found
    assert terms("，。！") == ()


def test_the_exam_asks_for_every_label_and_is_no_part_of_the_corpus() -> None:
    asked, taught = exam.load(), corpus.load()
    assert {e.fault_type for e in asked} == set(FAULT_TYPES)
    assert {e.intent for e in asked} == set(INTENTS)
    assert {e.emotion for e in asked} == set(EMOTIONS)
    known, texts = len(taught), [e.text for e in (*taught, *asked)]
    twins = variety.measure(texts, too_alike=0.8).twins
    shared = [texts[t.second] for t in twins if t.first < known <= t.second]
    assert [text for text in shared if len(text) > 10] == []


def test_the_corpus_is_large_and_no_two_rows_say_the_same() -> None:
    texts = [e.text for e in corpus.load()]
    found = variety.measure(texts)
    assert found.rows >= 8000
    assert [(texts[t.first], texts[t.second]) for t in found.twins] == []
    assert found.effective > 0.95 * found.rows


def test_the_exam_asks_for_every_kind_of_pair_and_none_is_taught() -> None:
    asked, taught = exam.pairs(), pairs.load()
    # Other people's faults without a shared place are a rule, not a question of wording.
    assert {p.kind for p in asked} == {*pairs.SAME, *pairs.OTHER} - {"person"}
    assert len({(p.a, p.b) for p in asked}) == len(asked) == 240
    assert sum(p.same for p in asked) == 110
    texts = [said for p in (*taught, *asked) for said in (p.a, p.b)]
    sides: defaultdict[tuple[int, int], set[tuple[int, int]]] = defaultdict(set)
    for twin in variety.measure(texts).twins:
        (known, side), (new, other) = divmod(twin.first, 2), divmod(twin.second, 2)
        if known < len(taught) <= new:
            sides[known, new - len(taught)].add((side, other))
    straight, crossed = {(0, 0), (1, 1)}, {(0, 1), (1, 0)}
    both = [at for at, s in sides.items() if straight <= s or crossed <= s]
    assert [(taught[known], asked[new]) for known, new in both] == []
