"""What a supervisor sees of a surge in the console, and does about it."""

from __future__ import annotations

import pytest

from paidan.console.services import Services
from tests.integration.console.conftest import TENANT, Browser
from tests.integration.console.test_console import button
from workflow.work_order import WorkOrder

MANY = 6


@pytest.fixture
async def parent(browser: Browser, services: Services) -> WorkOrder:
    """The parent of a surge of six."""
    await browser.see("/sandbox")
    for n in range(MANY):
        said = f"滨江{n}号充电站 充电桩报错E07，扫码失败，电话139{n:08d}"
        form = {"chat": f"customer:e{n}", "sender": f"e{n}", "text": said}
        await browser.post("/sandbox/say", form)
    await browser.sign_in("zhoulan")
    await browser.until("/", f"{MANY} 起，{MANY} 起未结")
    (found,) = await services.store.queries.surging(TENANT)
    return found


async def test_the_overview_says_that_there_is_a_surge(browser: Browser, parent: WorkOrder) -> None:
    page = await browser.see("/")
    for words in ("正在突发", "E07", "答复待批准", f'href="/orders/{parent.number}"', "系统自己"):
        assert words in page
    assert all(child.number not in page for child in parent.children)
    await browser.post("/act", button(await browser.see(f"/orders/{parent.number}"), "broadcast"))
    await browser.until(f"/orders/{parent.number}", "批准群发答复")
    assert "答复待批准" not in await browser.see("/")


async def test_parent_and_children_lead_to_each_other(browser: Browser, parent: WorkOrder) -> None:
    page = await browser.see(f"/orders/{parent.number}")
    listed = await browser.see(f"/orders?parent={parent.number}")
    for child in parent.children:
        assert f'href="/orders/{child.number}"' in page
        assert f'href="/orders/{child.number}"' in listed
    assert f'href="/orders/{parent.number}"' not in listed
    child = await browser.see(f"/orders/{parent.children[0].number}")
    assert f'href="/orders/{parent.number}"' in child
    assert "归入母工单" in child
    empty = await browser.see("/orders?parent=WO-20200101-0001")
    assert "没有找到" in empty


async def test_a_child_is_taken_out_and_the_surge_is_none(
    browser: Browser, parent: WorkOrder
) -> None:
    first, second, *_ = parent.children
    page = await browser.see(f"/orders/{first.number}")
    await browser.post("/act", button(page, "detach"))
    await browser.until(f"/orders/{first.number}", "离开母工单")
    page = await browser.see(f"/orders/{parent.number}")
    await browser.post("/act", {**button(page, "detach"), "args.child": second.id})
    page = await browser.until(f"/orders/{parent.number}", f"移出子工单 {second.number}")
    await browser.post("/act", button(page, "dismiss_surge"))
    await browser.until(f"/orders/{parent.number}", "不是突发")
    assert "正在突发" not in await browser.see("/")
