"""company.yaml: every mistake is named with its place, and what is written reads back equal."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from paidan.company_file import (
    company_schema,
    dump_company,
    load_company,
    parse_company,
    policy_version,
)
from paidan.company_file import shorthand as short
from paidan.demo import demo_company, demo_yaml
from paidan.problems import RULES, SENTENCES, InvalidFile, Problem, describe
from workflow.calendar import Span
from workflow.clocks import Target
from workflow.errors import InvalidPolicy
from workflow.escalation import DEFAULT_LADDER
from workflow.records import ChatRef

REPO = Path(__file__).parents[3]

SMALL = """\
tenant: t1
name: 小公司
calendar:
  week: {mon-fri: ["09:00-18:00"]}
shifts:
  - {id: day, name: 白班, week: {mon-sun: ["00:00-24:00"]}}
teams:
  - {id: a, name: 甲组, supervisor: boss, backup: boss, groups: [web/group:a]}
staff:
  - {id: boss, name: 老板, role: supervisor, contacts: [web/staff:boss]}
  - id: w
    name: 王工
    team: a
    shift: day
    skills: {hvac: 5}
queues:
  - {id: q, name: 全部, team: a}
"""


def problems(text: str) -> list[Problem]:
    with pytest.raises(InvalidFile) as refused:
        parse_company(text, "company.yaml")
    return list(refused.value.problems)


def at(text: str, part: str) -> int:
    """The 1-based line of the first line that holds ``part``."""
    return next(n for n, row in enumerate(text.splitlines(), 1) if part in row)


def test_a_small_company_takes_the_default_rules() -> None:
    loaded = parse_company(SMALL)
    assert loaded.company.policy.ladder == DEFAULT_LADDER
    assert loaded.company.policy.version == policy_version(loaded.company.policy)
    assert loaded.company.calendar.week[5] == ()
    assert loaded.company.shifts["day"].week[6] == (Span(time(0), time(0)),)
    assert loaded.company.teams["a"].groups == (ChatRef("web", "group:a", "group"),)
    assert loaded.company.staff["boss"].contacts == (ChatRef("web", "staff:boss", "direct"),)
    assert loaded.warnings == ()


# before, after, line holding, key, found, words that must be in "allowed"
BAD = [
    ("team: a\n", "team: b\n", "team: b", "staff[1].team", "b", "a"),
    ("shift: day", "shift: nigth", "nigth", "staff[1].shift", "nigth", "day"),
    ("{hvac: 5}", "{hvca: 5}", "hvca", "staff[1].skills.hvca", "hvca", "hvac"),
    ("{hvac: 5}", "{hvac: 9}", "hvac: 9", "staff[1].skills.hvac", "9", "1–5"),
    ("{hvac: 5}", "{hvac: high}", "high", "staff[1].skills.hvac", "high", "whole number"),
    ("{hvac: 5}", "[hvac]", "[hvac]", "staff[1].skills", "[…]", "keys with values"),
    ("id: w\n", "id: boss\n", "id: boss\n".strip(), "staff[1].id", "boss", "line 10"),
    ("supervisor: boss,", "supervisor: bos,", "bos,", "teams[0].supervisor", "bos", "boss"),
    ("backup: boss, ", "", "supervisor: boss", "teams[0].backup", "", "required"),
    ("backup: boss", "backup: w2", "w2", "teams[0].backup", "w2", "boss, w"),
    ("09:00-18:00", "09:00", '"09:00"', "calendar.week.mon-fri[0]", "09:00", "08:30-12:00"),
    ("09:00-18:00", "09:00-25:00", "25:00", "calendar.week.mon-fri[0]", "09:00-25:00", "span"),
    ("mon-fri", "mon-fry", "mon-fry", "calendar.week", "{…}", "mon, tue"),
    ("mon-fri: [", "mon: [], mon: [", "mon: [", "calendar.week.mon", "mon", "once"),
    ('["09:00-18:00"]', "[]", "week", "calendar.week", "", "span"),
    ("team: a}", "team: z}", "team: z", "queues[0].team", "z", "a"),
    ("team: a}", "team: a, mode: random}", "random", "queues[0].mode", "random", "claim"),
    ("team: a}", "team: a, fault_types: [tv]}", "tv", "queues[0].fault_types[0]", "tv", "hvac"),
    ("team: a}", "team: a, mode: ordered}", "ordered", "queues[0].order", "", "w"),
    ("team: a}", "team: a, order: [boss]}", "[boss]", "queues[0].order[0]", "boss", "w"),
    (
        "    team: a\n    shift",
        "    active: false\n    team: a\n    shift",
        "id: q",
        "queues[0].team",
        "a",
        "active",
    ),
    ("name: 王工", "nama: 王工", "nama", "staff[1].nama", "nama", "name"),
    *(
        ("tenant: t1\n", f"tenant: t1\n{more}\n", holds, key, found, says)
        for more, holds, key, found, says in (
            (
                "vocabulary: [{word: 蓝, fault_type: hvac}]",
                "蓝",
                "vocabulary[0].word",
                "蓝",
                "2–20",
            ),
            ("vocabulary: [{word: 小蓝}]", "小蓝", "vocabulary[0]", "小蓝", "place"),
            (
                "vocabulary: [{word: 小蓝, fault_type: till}]",
                "till",
                "vocabulary[0].fault_type",
                "till",
                "pos_payment",
            ),
            (
                "vocabulary: [{word: 小蓝, place: 甲}, {word: 小蓝, place: 乙}]",
                "小蓝",
                "vocabulary[1].word",
                "小蓝",
                "once",
            ),
            ("taxonomy: {names: {till: 收银}}", "till", "taxonomy.names.till", "till", "hvac"),
            (
                "taxonomy: {subtypes: [{id: hvac, name: 冷, of: hvac}]}",
                "hvac",
                "taxonomy.subtypes[0].id",
                "hvac",
                "once",
            ),
            (
                "taxonomy: {subtypes: [{id: cold, name: 冷, of: fridge}]}",
                "fridge",
                "taxonomy.subtypes[0].of",
                "fridge",
                "kitchen",
            ),
        )
    ),
    ("role: supervisor", "role: boss", "role: boss", "staff[0].role", "boss", "engineer"),
    ("role: supervisor", "role: customer", "customer", "staff[0].role", "customer", "engineer"),
    ("tenant: t1\n", "", None, "tenant", "", "required"),
    ("tenant: t1\n", "tenant: t1\ntz: Asia/Shangai\n", "Shangai", "tz", "Asia/Shangai", "IANA"),
    ("web/group:a", "groupa", "groupa", "teams[0].groups[0]", "groupa", "sandbox/"),
    ("id: w\n", "id: ''\n", "id: ''", "staff[1].id", "", "required"),
    (
        "    name: 王工",
        "    active: maybe\n    name: 王工",
        "maybe",
        "staff[1].active",
        "maybe",
        "true",
    ),
    (
        "    name: 王工",
        "    supervisor: w\n    name: 王工",
        "supervisor: w",
        "staff[1].supervisor",
        "w",
        "w, w",
    ),
    (
        "    name: 王工",
        "    ratings: [6]\n    name: 王工",
        "[6]",
        "staff[1].ratings[0]",
        "6",
        "1–5",
    ),
    (
        "    name: 王工",
        "    site: {lat: 91, lon: 0}\n    name: 王工",
        "91",
        "staff[1].site.lat",
        "91",
        "90",
    ),
    (
        "    name: 王工",
        "    site: {lat: 1}\n    name: 王工",
        "lat",
        "staff[1].site.lon",
        "",
        "required",
    ),
]

POLICY = [
    ("surge: {minimum: 1}", "policy.surge.minimum", "1", "2–1000"),
    ("surge: {tail: 2}", "policy.surge.tail", "2", "0–1"),
    ("surge: {margin: 0.5}", "policy.surge.margin", "0.5", "1–10"),
    ("surge: {window: 1m}", "policy.surge.window", "1m", "5m–24h"),
    ("surge: {history: 2d}", "policy.surge.history", "2d", "7d"),
    ("surge: {half_life: 2h}", "policy.surge.half_life", "2h", "1d"),
    ("surge: {scripts: {E07: ' '}}", "policy.surge.scripts.E07", "", "required"),
    ("golden_window: soon", "policy.golden_window", "soon", "90s"),
    ("closing: {auto_close_after: -3d}", "policy.closing.auto_close_after", "-3d", "90s"),
    ("dispatch: {max_load: many}", "policy.dispatch.max_load", "many", "whole number"),
    ("dispatch: {weights: {luck: 9}}", "policy.dispatch.weights.luck", "luck", "skill"),
    ("dispatch: {accept_within: {P0: 1m, P1: 5m}}", "policy.dispatch.accept_within.P2", "", "requ"),
    ("intake: {required: {tv: [phone]}}", "policy.intake.required.tv", "tv", "*, hvac"),
    ("intake: {required: {'*': [fax]}}", "policy.intake.required.*[0]", "fax", "phone"),
    ("intake: {serial_pattern: '['}", "policy.intake.serial_pattern", "[", "regular expression"),
    ("notices: {quiet: {start: 22}}", "policy.notices.quiet.start", "22", "22:00"),
    ("ladder: [{id: x, act: shout, after: 1m}]", "policy.ladder[0].act", "shout", "next_person"),
    ("ladder: [{id: x, act: next_level}]", "policy.ladder[0]", "x", "after or percent"),
    (
        "ladder: [{id: x, act: next_level, after: 1m, percent: 5}]",
        "policy.ladder[0]",
        "x",
        "either",
    ),
    (
        "ladder: [{id: x, act: next_level, after: 1m, priorities: [P9]}]",
        "policy.ladder[0].priorities[0]",
        "P9",
        "P0",
    ),
    (
        "clocks: {first_response: {P0: 5m, P1: 1h work, P2: 1h work}, arrival: {}, resolution: {}}",
        "policy.clocks.first_response.P0",
        "5m",
        "5m always",
    ),
    (
        "clocks: {first_response: {P0: 3d work}, arrival: {}, resolution: {}}",
        "policy.clocks.first_response.P0",
        "3d work",
        "3wd",
    ),
    (
        "clocks: {first_response: {P0: 0m always}, arrival: {}, resolution: {}}",
        "policy.clocks.first_response.P0",
        "0m always",
        "5m always",
    ),
    ("clocks: {first_response: {P0: 1m work}}", "policy.clocks.arrival", "", "required"),
]


@pytest.mark.parametrize(("before", "after", "holds", "key", "found", "says"), BAD)
def test_a_mistake_is_named_with_its_place(
    before: str, after: str, holds: str | None, key: str, found: str, says: str
) -> None:
    assert before in SMALL
    text = SMALL.replace(before, after, 1)
    problem = next(p for p in problems(text) if p.key == key)
    assert problem.file == "company.yaml"
    if key != "staff[1].id" or found != "boss":
        assert problem.line == (at(text, holds) if holds else 1)
    assert problem.found == found
    assert says in problem.allowed


@pytest.mark.parametrize(("rule", "key", "found", "says"), POLICY)
def test_a_mistaken_rule_is_named_with_its_place(
    rule: str, key: str, found: str, says: str
) -> None:
    text = f"{SMALL}policy:\n  {rule}\n"
    problem = next(p for p in problems(text) if p.key == key)
    assert (problem.line, problem.found) == (len(text.splitlines()), found)
    assert says in problem.allowed


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1", 1),
        ("tenant: t\nname: 'x\n", 2),
        ("a: b: c\n", 1),
        ("tenant: t\n\tname: x\n", 2),
        ("- 1\n", 1),
        ("", 0),
        ("&a [*a]", 1),
        ("x\0y", 0),
    ],
)
def test_what_is_no_company_at_all_is_refused_in_words(text: str, line: int) -> None:
    found = problems(text)
    assert found
    assert found[0].line >= line
    assert all(describe(p) and describe(p, "en") for p in found)


def test_every_mistake_comes_out_in_one_run_in_the_order_of_the_file() -> None:
    text = SMALL.replace("{hvac: 5}", "{tv: 5, hvac: x}").replace("09:00-18:00", "9")
    found = problems(text)
    assert [p.line for p in found] == sorted(p.line for p in found)
    assert {p.key for p in found} == {"calendar.week.mon-fri[0]", "staff[1].skills.hvac"}


def test_the_error_is_a_business_error_with_the_first_problem_as_facts() -> None:
    with pytest.raises(InvalidPolicy) as refused:
        parse_company(SMALL.replace("shift: day", "shift: nigth"), "company.yaml")
    assert refused.value.data == {
        "where": "company.yaml:14",
        "key": "staff[1].shift",
        "found": "nigth",
        "allowed": "an id that exists: day",
    }


def test_problems_speak_both_languages() -> None:
    problem = Problem("company.yaml", 14, "staff[1].shift", "nigth", "known", ("day", "night"))
    assert describe(problem) == (
        "company.yaml:14 staff[1].shift：写的是「nigth」，应为已定义的编号：day、night"
    )
    assert describe(problem, "en") == (
        "company.yaml:14 staff[1].shift: found 'nigth'; expected an id that exists: day, night"
    )
    for zh, en in [*RULES.values(), *SENTENCES.values()]:
        assert zh.count("{}") == en.count("{}")
        assert zh.isascii() is (zh == "{}")


def test_numbers_and_times_stay_as_they_were_typed() -> None:
    text = SMALL.replace("name: 王工", "name: 王工\n    phone: 13800000001").replace(
        "id: q, name: 全部", "id: 007, name: 12:30"
    )
    company = parse_company(text).company
    assert company.staff["w"].phone == "13800000001"
    assert (company.queues[0].id, company.queues[0].name) == ("007", "12:30")


def test_missing_file_says_which(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile) as refused:
        load_company(tmp_path / "none.yaml")
    assert str(tmp_path / "none.yaml") in describe(refused.value.problems[0])
    (tmp_path / "gbk.yaml").write_bytes("name: 小公司".encode("gbk"))
    with pytest.raises(InvalidFile):
        load_company(tmp_path / "gbk.yaml")


# --- warnings ---------------------------------------------------------------------------------


def warnings(text: str) -> dict[str, tuple[str, ...]]:
    return {w.rule: w.values for w in parse_company(text).warnings}


def test_empty_shifts_are_warned_of_by_day_and_hour() -> None:
    text = SMALL.replace(
        '{mon-sun: ["00:00-24:00"]}', '{mon-sat: ["08:00-20:00"], fri: ["20:00-06:00"]}'
    )
    assert "week" in problems(text)[0].key
    text = SMALL.replace(
        '{mon-sun: ["00:00-24:00"]}', '{mon-thu: ["08:00-20:00"], fri: ["20:00-06:00"]}'
    )
    assert warnings(text) == {
        "nobody_on_duty": (
            "甲组",
            "mon-thu 00:00-08:00+20:00-24:00, fri 00:00-20:00, sat 06:00-24:00, sun 00:00-24:00",
        )
    }


def test_queues_that_never_get_anything_are_warned_of() -> None:
    extra = "  - {id: q2, name: 空调, team: a, fault_types: [hvac, tv]}\n".replace(", tv", "")
    assert warnings(SMALL + extra) == {"shadowed": ("q2", "q"), "no_catch_all": ("q2",)}


def test_skills_nobody_has_are_warned_of() -> None:
    text = SMALL.replace("team: a}", "team: a, fault_types: [hvac, elevator, other]}")
    assert warnings(text) == {"nobody_skilled": ("q", "elevator"), "no_catch_all": ("q",)}


def test_people_nobody_can_reach_are_warned_of() -> None:
    text = SMALL.replace(", contacts: [web/staff:boss]", ", phone: '12'")
    assert warnings(text) == {"unreachable": ("老板",), "weak_phone": ("老板",)}


# --- round trip and versions ------------------------------------------------------------------


def test_own_words_and_kinds_are_read_kept_and_written_again() -> None:
    more = (
        "vocabulary:\n"
        "  - {word: 小蓝, device: 收银机, fault_type: pos_payment}\n"
        "  - {word: 老厂, place: 二号厂房}\n"
        "taxonomy:\n"
        "  names: {kitchen: 后厨}\n"
        "  subtypes: [{id: cold, name: 冷链, of: kitchen, words: [冷库]}]\n"
    )
    company = parse_company(f"{SMALL}{more}").company
    assert [term.word for term in company.vocabulary] == ["小蓝", "老厂"]
    assert company.taxonomy.name("kitchen", "zh_CN", "cold") == "后厨 · 冷链"
    again = parse_company(dump_company(company)).company
    assert (again.vocabulary, again.taxonomy) == (company.vocabulary, company.taxonomy)


def test_a_word_that_everybody_knows_otherwise_is_warned_of() -> None:
    (warning,) = [
        w
        for w in parse_company(
            f"{SMALL}vocabulary: [{{word: 电梯, fault_type: kitchen}}]\n"
        ).warnings
        if w.rule == "known_word"
    ]
    assert warning.key == "vocabulary[0].word"


def test_what_is_dumped_reads_back_equal() -> None:
    for loaded in (demo_company(), parse_company(SMALL)):
        dumped = dump_company(loaded.company, loaded.customers, loaded.assets, loaded.articles)
        again = parse_company(dumped)
        assert again == replace(loaded, warnings=again.warnings)


def test_own_holidays_and_odd_chats_survive_the_round_trip() -> None:
    text = SMALL.replace(
        "calendar:\n",
        "calendar:\n  extra_holidays: {2026-12-31: 盘点}\n"
        "  extra_workdays: {2026-10-02: 抢修}\n  makeup_week: ['10:00-15:00']\n",
    ).replace("[web/staff:boss]", '["web/staff:boss (group)"]')
    company = parse_company(text).company
    assert company.calendar.holidays[date(2026, 12, 31)] == "盘点"
    assert date(2026, 10, 2) not in company.calendar.holidays
    assert company.calendar.makeup[date(2026, 10, 2)] == "抢修"
    assert company.staff["boss"].contacts == (ChatRef("web", "staff:boss", "group"),)
    assert parse_company(dump_company(company)).company == company


def test_equal_rules_have_equal_versions() -> None:
    written = parse_company(SMALL + "policy: {golden_window: 900s}\n").company.policy
    other = parse_company(SMALL + "policy: {golden_window: 16m}\n").company.policy
    assert written.version == parse_company(SMALL).company.policy.version
    assert other.version != written.version


@given(
    st.timedeltas(timedelta(0), timedelta(days=3000)).map(lambda d: d - d % timedelta(seconds=1))
)
def test_durations_read_back_equal(amount: timedelta) -> None:
    assert short.duration(short.show_duration(amount)) == amount
    if amount:
        for calendar in ("work", "always"):
            target = Target(amount, calendar)
            assert short.target(short.show_target(target), timedelta(hours=8)) == target


SPANS = st.builds(Span, *[st.times().map(lambda t: t.replace(second=0, microsecond=0))] * 2)


@given(st.tuples(*[st.tuples() | st.tuples(SPANS)] * 7))
def test_weeks_read_back_equal(days: tuple[tuple[Span, ...], ...]) -> None:
    shown = short.show_week(days)
    read = {key: tuple(short.span(s) for s in spans) for key, spans in shown.items()}
    assert short.week(read) == days


def test_working_days_are_as_long_as_the_calendar_says() -> None:
    rule = "policy: {clocks: {first_response: &t {P0: 2wd, P1: 1h work, P2: 1h work}, arrival: *t, resolution: *t}}\n"  # noqa: E501
    clocks = parse_company(SMALL + rule).company.policy.clocks
    assert clocks.first_response["P0"].amount == timedelta(hours=18)
    assert clocks.arrival == clocks.first_response


# --- the demo company -------------------------------------------------------------------------


def test_the_demo_company_is_complete() -> None:
    loaded = demo_company()
    company = loaded.company
    assert loaded.warnings == ()
    assert (company.tenant, len(company.teams)) == ("demo", 3)
    assert sum(s.role == "engineer" for s in company.staff.values()) >= 12
    assert {q.mode for q in company.queues} == {"automatic", "ordered", "nearest", "claim"}
    assert len(loaded.customers) >= 10
    assert len(loaded.assets) >= 12
    assert {c.vip for c in loaded.customers} == {True, False}
    assert all(a.serial and a.token and a.id not in a.token for a in loaded.assets)
    assert len({a.token for a in loaded.assets}) == len(loaded.assets)
    leads = [company.staff[t.supervisor].supervisor for t in company.teams.values()]
    assert all(leads)


def test_the_demo_company_follows_the_sandbox_conventions() -> None:
    loaded = demo_company()
    for staff in loaded.company.staff.values():
        assert staff.contacts == (ChatRef("sandbox", f"staff:{staff.id}"),)
        assert staff.handles["sandbox"] == staff.id
    for team in loaded.company.teams.values():
        assert team.groups == (ChatRef("sandbox", f"group:{team.id}", "group"),)
    assert loaded.company.supervisor_groups == (ChatRef("sandbox", "group:supervisors", "group"),)
    for customer in loaded.customers:
        assert customer.contacts == (ChatRef("sandbox", f"customer:{customer.id}"),)


def test_somebody_able_is_on_shift_in_the_demo_at_every_hour_of_the_week() -> None:
    company = demo_company().company
    faults = [f for q in company.queues for f in q.fault_types] + ["hvac", "plumbing", "kitchen"]
    monday = datetime(2026, 11, 16, tzinfo=ZoneInfo(company.tz))
    for hour in range(168):
        now = monday + timedelta(hours=hour)
        for fault in faults:
            team = company.queue_for(fault, "浦东").team
            assert any(
                fault in s.skills and on_shift(company.shifts[s.shift].week, now)
                for s in company.members(team)
            ), (now, fault)


def on_shift(week: tuple[tuple[Span, ...], ...], now: datetime) -> bool:
    today, yesterday = week[now.weekday()], week[now.weekday() - 1]
    return any(
        s.start <= now.time() and (now.time() < s.end or s.end <= s.start) for s in today
    ) or any(s.end <= s.start and now.time() < s.end for s in yesterday)


# --- schema -----------------------------------------------------------------------------------


def test_the_published_schema_is_the_one_the_program_makes() -> None:
    published = (REPO / "docs/reference/company.schema.json").read_text("utf-8")
    assert json.loads(published) == company_schema()


def test_the_schema_names_every_key_the_demo_uses() -> None:
    schema = company_schema()

    def walk(value: object, node: dict[str, object], where: str) -> None:
        while "$ref" in node:
            node = schema["$defs"][str(node["$ref"]).rsplit("/", 1)[-1]]
        if isinstance(value, dict) and isinstance(node.get("properties"), dict):
            for key, inner in value.items():
                assert key in node["properties"], f"{where}.{key}"  # type: ignore[operator] # JSON
                walk(inner, node["properties"][key], f"{where}.{key}")  # type: ignore[index] # JSON
        if isinstance(value, list):
            for item in value:
                walk(item, node["items"], where)  # type: ignore[arg-type] # JSON

    walk(yaml.safe_load(demo_yaml()), schema, "")
