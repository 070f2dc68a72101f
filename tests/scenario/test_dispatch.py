"""Who gets the job, why, and what happens when they cannot or do not take it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.scenario.conftest import (
    SHANGHAI,
    SUPERVISORS,
    Town,
    customer_chat,
    staff_chat,
    team_group,
)
from workflow.company import Queue, Team
from workflow.dispatch import from_facts, kilometres, rescore
from workflow.events import Event, Kind
from workflow.policy import VipRule
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

HOME, LIFT, IT = team_group("home"), team_group("lift"), team_group("it")
TRAPPED = "3 栋 2 单元电梯困人了，快来人"
NO_COOLING = "我家空调不制冷，一直吹热风"
NO_NETWORK = "我们公司断网了，网络不通，WiFi 也连不上"
CRACK = "大厅墙面瓷砖脱落了一块，请来修一下"


async def offers(town: Town, order: WorkOrder) -> list[Event]:
    """Every time the job was offered, oldest first."""
    kinds = {Kind.DISPATCHED, Kind.OPENED_FOR_CLAIM}
    return [event for event in await town.history(order) if event.kind in kinds]


async def explanation(town: Town, order: WorkOrder) -> dict[str, Any]:
    stored: Any = (await offers(town, order))[-1].data["explanation"]
    return dict(stored)


async def refound(town: Town, **changes: Any) -> None:
    """The company changes: other people, teams or queues from here on."""
    town.company = company = replace(town.company, **changes)
    await town.parts.store.transact(town.tenant, lambda uow: uow.put_company(company))


def at_work(shift: str, at: datetime) -> bool:
    """The shifts of the demo company, as its notice board would say them (no holidays)."""
    local = at.astimezone(SHANGHAI)
    hour = local.hour + local.minute / 60
    if shift == "weekday":
        return local.weekday() < 5 and (8.5 <= hour < 12 or 13 <= hour < 17.5)
    return (8 <= hour < 20) is (shift == "day")


async def everybody_leaves(town: Town, team: str) -> None:
    for staff in town.company.members(team):
        if staff.role == "engineer":
            await town.say(staff.id, "下班")


# --- the four modes -------------------------------------------------------------------------------


async def test_automatic_mode_picks_the_best_score_and_keeps_the_reasons(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    ranking = from_facts(await explanation(town, order))
    assert ranking.mode == "automatic"
    totals = [candidate.total for candidate in ranking.candidates]
    assert totals == sorted(totals, reverse=True)
    assert order.assignee == ranking.candidates[0].staff_id
    best = ranking.candidates[0]
    assert {term.name for term in best.terms} >= {"skill", "load", "distance", "history", "rating"}
    assert best.total == pytest.approx(sum(term.points for term in best.terms))
    everybody = {c.staff_id for c in ranking.candidates} | {e.staff_id for e in ranking.excluded}
    assert everybody >= {s.id for s in town.company.members("home") if s.role == "engineer"}
    assert "为什么是" in (await town.card(HOME, order.number)).footer


async def test_the_stored_explanation_can_be_recomputed_and_tampering_shows(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    stored = await explanation(town, await town.order())
    assert rescore(stored) == from_facts(stored)
    candidates = [dict(candidate) for candidate in stored["candidates"]]
    candidates[-1]["total"] = 1000.0
    forged = {**stored, "candidates": candidates}
    assert rescore(forged) != from_facts(forged)


async def test_the_counterfactual_holds_when_it_is_tried(town: Town) -> None:
    await town.say("c11", "教室空调不制冷，一直吹热风")
    stored = await explanation(town, await town.order())
    turned = [c for c in from_facts(stored).counterfactuals if c.needed is not None]
    assert turned, "somebody could have been first"
    for one in turned:
        candidates = []
        for candidate in stored["candidates"]:
            terms = candidate["terms"]
            if candidate["staff_id"] == one.staff_id:
                terms = [{**t, "raw": one.needed} if t["name"] == one.term else t for t in terms]
            candidates.append({**candidate, "terms": terms})
        assert rescore({**stored, "candidates": candidates}).candidates[0].staff_id == one.staff_id


async def test_ordered_mode_goes_down_the_list(town: Town) -> None:
    await town.say("c10", NO_NETWORK)
    assert (await town.order()).assignee == "heqi"
    await town.press("heqi", "decline", chat=IT, reason="手上有急单")
    assert (await town.order()).assignee == "linan"
    await town.press("linan", "decline", chat=IT, reason="离得太远")
    assert (await town.order()).assignee == "songyang"
    assert (await explanation(town, await town.order()))["mode"] == "ordered"


async def test_nearest_mode_sends_whoever_is_closest(town: Town) -> None:
    await town.say("c07", "收银区的充电桩坏了，充不上电")
    order = await town.order()
    if order.fault_type != "ev_charger":
        await town.say("c01", TRAPPED)
        order = await town.order()
    ranking = from_facts(await explanation(town, order))
    customer = next(c for c in town.loaded.customers if c.id == order.customer_id)
    away = [
        kilometres(town.company.staff[c.staff_id].site, customer.site) for c in ranking.candidates
    ]
    known = [km for km in away if km is not None]
    assert ranking.mode == "nearest"
    assert len(known) == len(away) > 1
    assert known == sorted(known)
    assert order.assignee == ranking.candidates[0].staff_id


async def test_claim_mode_asks_the_group_and_the_first_to_press_has_it(town: Town) -> None:
    await town.say("c06", CRACK)
    order = await town.order()
    assert (order.state, order.sub, order.assignee) == (State.DISPATCHED, Sub.OPEN_CLAIM, "")
    assert set(order.candidates) == {"ligang", "huangbin"}
    asked = next(text for text in await town.heard(HOME) if order.number in text)
    assert "抢单" in asked
    await town.press("huangbin", "accept", chat=HOME)
    order = await town.order()
    assert (order.assignee, order.sub) == ("huangbin", Sub.ACCEPTED)


async def test_who_may_not_claim_is_told_so_and_changes_nothing(town: Town) -> None:
    await town.say("c06", CRACK)
    await town.press("wanglei", "accept", chat=HOME)
    assert (await town.order()).sub == Sub.OPEN_CLAIM
    assert "没有派给您" in await town.last(HOME)


# --- hard filters ---------------------------------------------------------------------------------


async def test_whoever_cannot_go_is_listed_with_the_reason(town: Town) -> None:
    await town.say("qianjun", "下班")
    await town.say("c02", NO_COOLING)
    stored = await explanation(town, await town.order())
    why = {row["staff_id"]: row["reason"] for row in stored["excluded"]}
    assert why["ligang"] == "skill"
    assert why["zhaoyun"] == "off_shift"
    assert why["qianjun"] == "off_duty"


async def test_a_team_that_does_not_serve_the_region_is_left_out(town: Town) -> None:
    away = Team("home", "水电暖通组", "chenwei", "wumin", (HOME,), regions=("闵行",))
    await refound(town, teams={**town.company.teams, "home": away})
    await town.say("c02", NO_COOLING)
    order = await town.order()
    stored = await explanation(town, order)
    why = {row["staff_id"]: row["reason"] for row in stored["excluded"]}
    assert why["wanglei"] == "region"
    assert order.assignee == "wumin"


async def test_queues_by_region_send_the_job_to_another_team(town: Town) -> None:
    first = Queue("pudong", "浦东暖通", "home", "ordered", ("hvac",), ("浦东",), ("zhangpeng",))
    await refound(town, queues=(first, *town.company.queues))
    await town.say("c02", NO_COOLING)
    order = await town.order()
    assert (order.queue_id, order.assignee) == ("pudong", "zhangpeng")
    await town.say("c11", "教室空调不制冷，一直吹热风")
    assert (await town.order()).queue_id == "repair"


async def test_somebody_who_is_full_gets_nothing_more(town: Town) -> None:
    await town.rule(dispatch=replace(town.company.policy.dispatch, max_load=1))
    await town.say("c02", NO_COOLING)
    first = (await town.order()).assignee
    await town.press(first, "accept", chat=HOME)
    await town.say("c11", "教室空调不制冷，一直吹热风")
    order = await town.order()
    assert order.assignee not in {"", first}
    why = {r["staff_id"]: r["reason"] for r in (await explanation(town, order))["excluded"]}
    assert why[first] == "full"


async def test_off_shift_people_are_never_chosen_at_any_hour_of_a_week(town: Town) -> None:
    reports = {"c11": "教室空调不制冷，一直吹热风", "c01": TRAPPED, "c06": CRACK}
    for _ in range(6):
        for sender, text in reports.items():
            await town.say(sender, text)
        await town.wait(minutes=6)
        for order in await town.orders():
            if order.open:
                await town.say("linyue", f"取消 {order.number} 试完了", chat=SUPERVISORS)
        assert not [order for order in await town.orders() if order.open]
        await town.wait(hours=27, minutes=54)
    chosen: set[tuple[str, str]] = set()
    for order in await town.orders():
        for event in await offers(town, order):
            if event.data.get("reason") == "backup":
                continue
            people: Any = event.data.get("candidates") or [event.data["to"]]
            for person in people:
                staff = town.company.staff[person]
                assert at_work(staff.shift, event.at), (person, event.at)
                chosen.add((person, staff.shift))
    assert {shift for _, shift in chosen} == {"day", "night", "weekday"}


# --- not taken ------------------------------------------------------------------------------------


async def test_an_offer_nobody_answers_goes_to_the_next_person_in_time(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    assert order.priority == "P1"
    await town.wait(minutes=4, seconds=59)
    assert (await town.order()).assignee == order.assignee
    await town.wait(seconds=2)
    after = await town.order()
    assert after.assignee not in {"", order.assignee}
    assert order.assignee in after.offered
    first, second = await offers(town, after)
    assert second.at - first.at == timedelta(minutes=5)


async def test_everybody_lets_it_pass_and_nobody_is_asked_twice_before_the_backup(
    town: Town,
) -> None:
    await town.say("c01", TRAPPED)
    await town.wait(minutes=6)
    order = await town.order()
    asked = [str(event.data["to"]) for event in await offers(town, order)]
    backup = town.company.teams["lift"].backup
    assert backup in asked
    before = asked[: asked.index(backup)]
    assert before
    assert len(before) == len(set(before))


async def test_declining_needs_a_reason_and_hands_it_on_at_once(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.say(order.assignee, "拒单 1", chat=HOME)
    assert "原因" in await town.last(HOME)
    assert (await town.order()).assignee == order.assignee
    await town.press(order.assignee, "decline", chat=HOME, reason="不会修这类故障")
    after = await town.order()
    assert after.assignee not in {"", order.assignee}
    history = await town.history(after)
    declined = next(event for event in history if event.kind == Kind.DECLINED)
    assert (declined.data["by"], declined.data["reason"]) == (order.assignee, "不会修这类故障")
    offered = (await offers(town, after))[-1]
    assert offered.at == declined.at


async def test_reassigning_needs_a_reason_and_never_resets_the_clock(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.press(order.assignee, "accept", chat=HOME)
    await town.wait(minutes=20)
    before = await town.order()
    await town.say(order.assignee, "转派 1 张鹏", chat=HOME)
    assert "原因" in await town.last(HOME)
    assert (await town.order()).assignee == order.assignee
    await town.say(order.assignee, "转派 1 张鹏 家里有急事", chat=HOME)
    after = await town.order()
    assert (after.assignee, after.state) == ("zhangpeng", State.DISPATCHED)
    assert (after.deadline_at, after.deadline_clock) == (before.deadline_at, before.deadline_clock)
    assert (after.opened_at, after.generation) == (before.opened_at, before.generation + 1)
    moved = next(e for e in await town.history(after) if e.kind == Kind.REASSIGNED)
    assert (moved.data["from"], moved.data["reason"]) == (order.assignee, "家里有急事")
    said = await town.heard(HOME)
    assert any("张鹏" in text and "家里有急事" in text for text in said)


async def test_a_supervisor_reassigns_from_the_card(town: Town) -> None:
    await town.say("c01", TRAPPED)
    order = await town.order()
    other = next(s for s in ("zhouming", "zhaoqiang") if s != order.assignee)
    button = await town.button(SUPERVISORS, "reassign")
    assert other in dict(button.choices)
    await town.press("zhoulan", "reassign", chat=SUPERVISORS, staff=other, reason="他更近")
    assert (await town.order()).assignee == other
    assert town.company.staff[other].name in (await town.card(SUPERVISORS, order.number)).subtitle


# --- VIP ------------------------------------------------------------------------------------------


async def test_a_vip_gets_only_the_best_rated_and_is_told_who_comes_how_good_and_when(
    town: Town,
) -> None:
    await town.say("c09", "2 号车间的货梯困人了，快来救人")
    order = await town.order()
    assert order.priority == "P0"
    stored = await explanation(town, order)
    assert stored["tier"] == "vip"
    best = town.company.staff[order.assignee].ratings[:3]
    assert len(best) == 3
    assert min(best) >= 4.9
    passed_over = {e["staff_id"] for e in stored["excluded"] if e["reason"] == "vip_rating"}
    assert "zhouming" in passed_over
    await town.press(order.assignee, "accept", chat=LIFT)
    told = await town.last(customer_chat("c09"))
    assert town.company.staff[order.assignee].name in told
    assert "评分" in told
    assert "截止" in told


async def test_without_anybody_that_good_the_tier_is_relaxed_on_the_record(town: Town) -> None:
    strict = replace(town.company.policy.dispatch, vip=VipRule(("P0",), last=3, at_least=5.0))
    await town.rule(dispatch=strict)
    await town.say("zhaoqiang", "下班")
    await town.say("c09", "2 号车间的货梯困人了，快来救人")
    order = await town.order()
    assert order.assignee == "zhouming"
    assert (await explanation(town, order))["tier"] == "vip_relaxed"


async def test_the_rule_is_for_grave_faults_of_vips_alone(town: Town) -> None:
    await town.say("c01", TRAPPED)
    assert (await explanation(town, await town.order()))["tier"] == ""
    await town.say("c04", "A座 3 楼空调不制冷，一直吹热风")
    order = await town.order()
    assert order.priority == "P1"
    assert (await explanation(town, order))["tier"] == ""


# --- nobody ---------------------------------------------------------------------------------------


async def test_nobody_available_reaches_backup_and_supervisor_at_once(town: Town) -> None:
    await everybody_leaves(town, "lift")
    await town.say("c01", TRAPPED)
    order = await town.order()
    team = town.company.teams["lift"]
    assert Kind.NOBODY_AVAILABLE in await town.kinds(order)
    assert order.assignee == team.backup
    told = [q for q in await town.notices() if q.notice.kind == "news" and q.state == "sent"]
    reached = {who for q in told for who in (*q.notice.mentions, q.notice.person)}
    assert {team.backup, team.supervisor} <= reached
    said = "\n".join(await town.heard(SUPERVISORS))
    assert "没有可派的人" in said
    assert "人已下班" in said
    assert (await town.audit()).ok


async def test_the_next_to_come_on_duty_gets_what_is_waiting(town: Town) -> None:
    await everybody_leaves(town, "it")
    staff = {k: replace(s, active=s.id != "zhenghao") for k, s in town.company.staff.items()}
    await refound(town, staff=staff)
    await town.say("c10", NO_NETWORK)
    order = await town.order()
    assert (order.state, order.sub) == (State.NEW, Sub.QUEUED)
    await town.say("linan", "上班")
    await town.wait(minutes=5)
    order = await town.order()
    assert (order.state, order.assignee) == (State.DISPATCHED, "linan")


# --- 上班 / 下班 ----------------------------------------------------------------------------------


async def test_going_off_duty_takes_a_person_out_and_coming_back_puts_them_in(town: Town) -> None:
    await town.say("heqi", "下班")
    assert "已下班" in await town.last(staff_chat("heqi"))
    await town.say("c10", NO_NETWORK)
    assert (await town.order()).assignee == "linan"
    await town.say("heqi", "上班", chat=IT)
    assert "已上班" in await town.last(IT)
    await town.say("c07", "超市断网了，网络不通，WiFi 也连不上")
    assert (await town.order()).assignee == "heqi"


async def test_coming_early_counts_and_a_forgotten_word_ends_by_itself(town: Town) -> None:
    await refound(
        town,
        queues=(
            Queue("q", "网络", "it", "ordered", ("network",), (), ("tangwei", "heqi")),
            *town.company.queues,
        ),
    )
    await town.say("tangwei", "上班")
    await town.say("c10", NO_NETWORK)
    assert (await town.order()).assignee == "tangwei"
    await town.say("sunjie", "取消 1 试一下", chat=SUPERVISORS)
    await town.wait(hours=24, minutes=30)
    await town.say("c07", "超市断网了，网络不通，WiFi 也连不上")
    assert (await town.order()).assignee == "heqi"
