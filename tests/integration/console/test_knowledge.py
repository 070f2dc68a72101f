"""The knowledge pages: found, read by everybody, written by who may, versions and use told."""

from __future__ import annotations

import pytest
from aiohttp import FormData

from paidan.compose import Parts
from paidan.demo.history import seed_history
from tests.integration.console.conftest import TENANT, TUESDAY, Browser

FIELDS = {
    "title": "咖啡机不出水",
    "steps": "1. 加满水箱\n2. 除垢",
    "asks": "咖啡机没水\n咖啡机不出咖啡",
}


async def test_everybody_reads_and_only_supervisors_write(browser: Browser) -> None:
    await browser.sign_in("wanglei")
    text = await browser.see("/knowledge")
    assert "充电桩报 E07" in text
    assert "/knowledge/new" not in text
    assert "拔出擦干净" in await browser.see("/knowledge/e07")
    await browser.see("/knowledge/new", status=404)
    response = await browser.post("/knowledge/e07", FIELDS)
    assert response.status == 403


async def test_an_article_is_written_found_changed_and_keeps_its_versions(chief: Browser) -> None:
    await chief.see("/knowledge/new")
    response = await chief.post(
        "/knowledge/new", {**FIELDS, "self_service": "yes", "active": "yes"}
    )
    assert response.status == 303
    path = response.headers["Location"]
    text = await chief.see(path)
    assert "加满水箱" in text
    assert "周岚" in text
    found = await chief.see("/knowledge?q=咖啡机里没有水了")
    assert found.index("咖啡机不出水") > 0
    response = await chief.post(path, {**FIELDS, "steps": "叫我们来", "active": "yes"})
    assert response.status == 303
    text = await chief.see(path)
    assert "第 2 版" in text
    assert "只给同事" in text
    assert "加满水箱" in text  # the first version is still told


async def test_what_is_wrong_is_said_beside_what_was_typed(chief: Browser) -> None:
    await chief.see("/knowledge/new")
    response = await chief.post("/knowledge/new", {**FIELDS, "steps": " "})
    assert response.status == 422
    text = await response.text()
    assert "steps" in text
    assert "咖啡机没水" in text


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("k.md", "# 投影仪不亮\n\n- 问法: 投影黑屏\n\n换灯泡"),
        ("k.csv", "编号,标题,步骤,问法\nty,投影仪不亮,换灯泡,投影黑屏\n"),
        ("", "# 投影仪不亮\n\n换灯泡"),
    ],
)
async def test_tables_and_markdown_are_taken_in(chief: Browser, name: str, body: str) -> None:
    await chief.see("/knowledge")
    form = FormData({"csrf": chief.csrf, "text": "" if name else body})
    if name:
        form.add_field("file", body.encode(), filename=name)
    response = await chief.client.post("/knowledge", data=form)
    assert response.status == 200
    assert "投影仪不亮" in await response.text()


async def test_use_is_counted_where_it_is_read(chief: Browser, parts: Parts) -> None:
    await chief.see("/sandbox?customer=c01&team=home")
    say = {"chat": "customer:c01", "sender": "c01", "text": "水龙头有点滴水，不急"}
    assert (await chief.post("/sandbox/say", say)).status in {200, 303}
    text = await chief.until("/orders", "自助处理")
    assert "水龙头有点滴水" in text
    page = await chief.see("/orders/1")
    assert "请客户先试" in page
    assert "水龙头轻微滴水" in page
    usage = await parts.store.read(TENANT, lambda uow: uow.articles.usage())
    assert usage["drip"].offered == 1
    assert "给过客户" in await chief.see("/knowledge/drip")


async def test_the_order_page_tells_how_the_like_was_fixed(chief: Browser, parts: Parts) -> None:
    await seed_history(parts.store, TENANT, TUESDAY)
    await chief.see("/sandbox?customer=c02&team=home")
    say = {"chat": "customer:c02", "sender": "c02", "text": "空调不制冷，吹热风"}
    await chief.post("/sandbox/say", say)
    await chief.until("/orders", "空调不制冷，吹热风")
    page = await chief.see("/orders/1")
    assert "上次这样修好的" in page
    assert "启动电容 35μF" in page
    assert "120–" in page


async def test_a_page_of_nothing_is_none(chief: Browser) -> None:
    await chief.see("/knowledge/nothing", status=404)
    assert "没有找到" in await chief.see("/knowledge?q=qwertyuiop")
