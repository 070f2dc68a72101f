"""The index finds what says the same, forgives sounds, forgets on demand, knows when to stop."""

from __future__ import annotations

import threading

import pytest

from nlp.knowledge import Index, alike
from nlp.knowledge.views import VIEWS, characters, sounds

TEXTS = {
    "card": "充电桩报错E07，扫码失败",
    "jam": "打印机卡纸了怎么办",
    "filter": "空调滤网怎么清洗",
    "wifi": "路由器怎么重启",
    "lift": "电梯按钮不亮",
}


@pytest.fixture
def index() -> Index:
    found = Index()
    for key, text in TEXTS.items():
        found.put(key, text)
    return found


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("桩上显示E07扫不了码", "card"),
        ("打印机里卡了一张纸", "jam"),
        ("滤网脏了要怎么洗空调", "filter"),
        ("重启一下路由器", "wifi"),
        ("点题按钮不亮", "lift"),
    ],
)
def test_the_nearest_comes_first(index: Index, question: str, key: str) -> None:
    assert index.search(question)[0].key == key


@pytest.mark.parametrize("nonsense", ["", "asdkjfh qwe", "！！？？", "龘靐齉爩", "明天会下雨吧"])
def test_nonsense_finds_nothing(index: Index, nonsense: str) -> None:
    assert index.search(nonsense) == []


def test_a_text_is_replaced_and_dropped(index: Index) -> None:
    index.put("jam", "咖啡机不出水")
    assert [hit.key for hit in index.search("咖啡机没有水出来")] == ["jam"]
    assert "jam" not in [hit.key for hit in index.search("打印机卡纸")]
    index.drop("jam")
    index.drop("never there")
    assert index.search("咖啡机不出水") == []
    assert len(index) == len(TEXTS) - 1


def test_the_oldest_go_when_there_are_too_many() -> None:
    index = Index(most=3)
    for number in range(5):
        index.put(str(number), f"第{number}号机房空调漏水")
    assert len(index) == 3
    assert {hit.key for hit in index.search("机房空调漏水", limit=5)} == {"2", "3", "4"}


def test_replacing_again_and_again_leaves_no_waste() -> None:
    index = Index(views={"characters": characters})
    for number in range(5_000):
        index.put("one", f"第{number}次改写")
    assert len(index._keys) < 3_000
    assert [hit.key for hit in index.search("第4999次改写")] == ["one"]
    assert index.search("第12次", floor=0.9) == []


def test_the_same_texts_give_the_same_answer_in_every_order(index: Index) -> None:
    again = Index()
    for key, text in TEXTS.items():
        again.put(key, text)
    question = "空调滤网和打印机"
    assert index.search(question) == again.search(question)


def test_threads_may_add_and_search_at_once(index: Index) -> None:
    failed: list[Exception] = []

    def work(name: str) -> None:
        try:
            for number in range(100):
                index.put(f"{name}{number}", f"{name}第{number}台打印机卡纸")
                index.search("打印机卡纸")
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "甲乙丙"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(index) == len(TEXTS) + 300


def test_views() -> None:
    assert characters("Ｅ07 不冷") == ["e07", "不", "冷", "e07|不", "不|冷"]
    assert sounds("点题") == sounds("电梯")
    assert list(VIEWS) == ["characters", "words", "sounds"]


def test_alike_is_between_nothing_and_all() -> None:
    assert alike("打印机卡纸", "打印机卡纸") == 1
    assert alike("打印机卡纸", "电梯困人") == 0
    assert 0 < alike("打印机卡纸", "打印机没墨") < 1
    assert alike("", "") == 0
