"""How words sound, mishearing on purpose, and putting right what was misheard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pypinyin.pinyin_dict import pinyin_dict

from nlp import Understander, corpus, lexicon
from nlp.heads.loading import load_or_train_spoken
from nlp.heads.model import Model
from nlp.sounds import is_sound, making, mending, shipped
from nlp.sounds.mending import Mender
from nlp.sounds.noise import Mishearing
from nlp.text import fold

TEXTS = [example.text for example in corpus.load()]


@pytest.fixture(scope="module")
def misheard() -> Mishearing:
    return Mishearing(TEXTS)


@pytest.fixture(scope="module")
def mender(understander: Understander) -> Mender:
    return Mender(lexicon.shipped(), shipped(), understander.model.messages_with)


def mended(mender: Mender, text: str, **how: object) -> list[tuple[str, str]]:
    found = mender.mend(text, **how).corrections  # type: ignore[arg-type]  # as understand passes it on
    return [(text[start:end], meant) for start, end, meant in found]


# --- sounds ---------------------------------------------------------------------------------------


def test_a_sound_is_as_long_as_its_text_and_leaves_what_is_no_chinese() -> None:
    sound = shipped().of("空调E4，3号楼")
    assert len(sound) == len("空调E4，3号楼")
    assert (sound[2:5], sound[5]) == ("E4，", "3")
    assert [is_sound(char) for char in sound[:3]] == [True, True, False]


@pytest.mark.parametrize(
    ("one", "other"), [("点题", "电梯"), ("洗一鸡", "洗衣机"), ("空条", "空调"), ("漏税", "漏水")]
)
def test_homophones_sound_alike(one: str, other: str) -> None:
    assert shipped().of(one) == shipped().of(other)


def test_a_word_may_have_several_readings() -> None:
    assert shipped().of("掉") in {reading[1] for reading in shipped().readings("空调")}


def test_the_table_agrees_with_the_dictionary_and_knows_every_character_of_the_corpus() -> None:
    table: dict[str, set[str]] = {}
    for line in mending.sections.read(making.TABLE):
        syllable, chars = line.text.split()
        for char in chars:
            table.setdefault(char, set()).add(syllable)
    for char, syllables in table.items():
        known = {making.plain(reading) for reading in pinyin_dict[ord(char)].split(",")}
        assert syllables <= known, char
    written = {char for text in TEXTS for char in fold(text) if "一" <= char <= "龥"}
    assert len(written - set(table)) <= len(written) // 100


# --- noise ----------------------------------------------------------------------------------------


def test_noise_changes_about_the_share_and_only_by_homophones(misheard: Mishearing) -> None:
    changed = han = 0
    for text in TEXTS[::20]:
        heard = misheard.heard(text, 0.2)
        assert len(heard) == len(text)
        for was, now in zip(text, heard, strict=True):
            han += "一" <= was <= "龥"
            changed += was != now
            assert was == now or shipped().of(fold(was)) == shipped().of(now)
    assert 0.17 < changed / han < 0.22


def test_noise_is_repeatable_and_none_is_none(misheard: Mishearing) -> None:
    text = "三号楼电梯困人了，电话13812345678"
    assert misheard.heard(text, 0.3, 5) == misheard.heard(text, 0.3, 5)
    assert len({misheard.heard(text, 0.5, seed) for seed in range(5)}) > 1
    assert misheard.heard(text, 0.0) == text
    assert misheard.heard(text, 1.0).endswith("13812345678")


# --- correction -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("喂那个打饮机它老是说缺纸", [("打饮机", "打印机")]),
        ("洗一鸡漏水了", [("洗一鸡", "洗衣机")]),
        ("厨房抽油眼机没吸力了", [("抽油眼机", "抽油烟机")]),
        ("二维马扫不出来", [("二维马", "二维码")]),
    ],
)
def test_misheard_words_are_put_right(
    mender: Mender, text: str, found: list[tuple[str, str]]
) -> None:
    assert mended(mender, text) == found


@pytest.mark.parametrize(
    "text",
    [
        "空调不制冷，外面滴水",
        "拍了说不清楚，重拍又说过了时效",
        "我叫殿体，编号dt-0931",
        "这家店铺的灯坏了，密码是点提二零",
        "超市的冰柜不冷了",
        "",
    ],
)
def test_what_was_not_misheard_stays(mender: Mender, text: str) -> None:
    assert mended(mender, text) == []


def test_what_is_spoken_is_doubted_sooner(mender: Mender) -> None:
    typed = spoken = 0
    misheard = Mishearing(TEXTS)
    for text in TEXTS[::25]:
        heard = lexicon.shipped().meant(fold(misheard.heard(text, 0.2, 3)))
        typed += len(mender.mend(heard).corrections)
        spoken += len(mender.mend(heard, spoken=True).corrections)
    assert spoken > typed * 1.1


def test_few_messages_are_changed_that_nobody_misheard(mender: Mender) -> None:
    meant = [lexicon.shipped().meant(fold(text)) for text in TEXTS]
    changed = sum(bool(mender.mend(text).corrections) for text in meant)
    assert changed / len(meant) < 0.003


def test_names_of_the_company_are_put_right_by_their_sound(mender: Mender) -> None:
    told = ("万达广场", "江城", "云顶花园")
    assert mended(mender, "玩大广场3楼的灯不亮", told=told) == [("玩大广场", "万达广场")]
    assert mended(mender, "玩大广场3楼的灯不亮") == []
    assert mended(mender, "讲成下雨了", told=told) == []


# --- understanding --------------------------------------------------------------------------------


def test_understanding_says_what_it_took_words_for(understander: Understander) -> None:
    heard = understander.understand("点题困人了，洗一鸡也漏水")
    assert [heard.text[c.start : c.end] for c in heard.corrections] == ["点题", "洗一鸡"]
    assert heard.meant() == "电梯困人了，洗衣机也漏水"
    assert heard.priority.label == "P0"
    device = heard.first("device")
    assert device is not None
    assert (device.text, device.normalized) == ("点题", "电梯")


def test_numbers_and_codes_are_never_corrected(understander: Understander) -> None:
    misheard = Mishearing(TEXTS)
    for text in TEXTS[::60]:
        heard = understander.understand(misheard.heard(text, 0.2), spoken=True)
        for start, end, meant in heard.corrections:
            said = fold(heard.text[start:end])
            assert len(said) == len(meant)
            unlike = [(a, b) for a, b in zip(said, meant, strict=True) if a != b]
            assert not any(c.isascii() and c.isdigit() for pair in unlike for c in pair)


def test_the_spoken_table_hears_through_noise(understander: Understander) -> None:
    misheard = Mishearing(TEXTS)
    rows = [e for e in corpus.load() if e.fault_type not in {"none", "other"}][::15]
    right = {True: 0, False: 0}
    for example in rows:
        heard = misheard.heard(example.text, 0.3, 21)
        for spoken in right:
            label = understander.understand(heard, spoken=spoken).fault_type.label
            right[spoken] += label == example.fault_type
    assert right[True] > right[False]


def test_the_spoken_table_is_kept_beside_the_other(
    understander: Understander, tmp_path: Path
) -> None:
    model = understander.spoken_model
    assert model is not None
    assert model.name != understander.model.name
    model.save(tmp_path / f"spoken-{model.name}.npz")
    said: list[str] = []
    assert load_or_train_spoken(tmp_path, said.append).name == model.name
    assert said == []


def test_the_gate_knows_every_sign() -> None:
    assert set(json.loads(mending.GATE.read_text("utf-8"))) == {*mending.SIGNS, "offset"}


def test_the_spoken_table_is_read_when_first_needed_and_once(understander: Understander) -> None:
    asked: list[str] = []

    def give() -> Model | None:
        asked.append("read")
        return understander.spoken_model

    reader = Understander(understander.model, understander.tagger, spoken_model=give)
    sure = corpus.load()[0].text
    assert reader.understand(sure) == understander.understand(sure)
    other = reader.with_model(understander.model)
    assert asked == []
    said = "点题困人了"
    assert other.understand(said, spoken=True) == understander.understand(said, spoken=True)
    reader.warm()
    assert asked == ["read"]
