"""How soon a surge is noticed and how often one is called that is none.

    python bench/surge.py [--data DIR] [--write]

Three replays of the production decision (:mod:`workflow.surge`), on a clock of their own:

* real complaints: ``DIR/all.jsonl``, one object a line with ``time`` (a date), ``river`` and
  ``text``. They have no time of day, so it is drawn, 20 times over, from a day as offices know it;
* the E07 story: 8 reports a day for four weeks, then 147 in a day, 200 times over;
* a simulation: 0.05 and 3 reports in 10 minutes for 30 days, with bursts of 6 within 20 minutes.

Without ``--data`` only the last two. ``--write`` keeps the table in bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from results import recorded

from workflow.commands import Details
from workflow.kept import Seen
from workflow.policy import SurgePolicy
from workflow.surge import Detection, Watched, detect, expected, keys_of
from workflow.surge.alike import alike
from workflow.surge.profile import hour_of

TZ = "Asia/Shanghai"
FIRST_YEAR = 2016
DAY, WEEK, MINUTE = timedelta(days=1), timedelta(days=7), timedelta(minutes=1)
BEFORE = 200
OFFICE = [0, 0, 0, 0, 0, 0, 1, 3, 8, 12, 12, 9, 6, 7, 10, 10, 9, 8, 6, 5, 4, 3, 2, 1]
"""How complaints spread over the hours of a day."""
TAIL_ONLY = SurgePolicy(cluster_reporters=1_000)


@dataclass
class Tower:
    """Sees reports one after the other and calls a surge; what belongs to one is set aside until
    so long (``lasts``) nothing more of it came, as in production where nobody closes it before.
    """

    policy: SurgePolicy
    since: datetime
    hours: dict[str, dict[datetime, int]] = field(default_factory=lambda: defaultdict(dict))
    past: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    on: dict[str, list[tuple[str, datetime]]] = field(default_factory=lambda: defaultdict(list))
    calls: list[tuple[datetime, Detection]] = field(default_factory=list)

    def see(self, report: Seen) -> Detection | None:
        for key in report.keys:
            for n, (words, last) in enumerate(self.on[key]):
                near = report.at - last <= self.policy.lasts
                if near and (not words or alike(words, report.text)):
                    self.on[key][n] = (words, report.at)
                    return None
        for key in report.keys:
            self.past[key].append(report)
        found = self._weigh(report)
        if found is None:
            self._count(report, 1)
            return None
        self.calls.append((report.at, found))
        self.on[found.key].append((found.words, report.at))
        children = {*found.orders}
        gone = [r for r in self.past[found.key][-400:] if r.order_id in children]
        for child in gone:
            if child.order_id != report.order_id:
                self._count(child, -1)
        for key in {k for child in gone for k in child.keys}:
            self.past[key] = [r for r in self.past[key] if r.order_id not in children]
        return found

    def _weigh(self, report: Seen) -> Detection | None:
        least = min(self.policy.minimum, self.policy.cluster_reporters)
        watched = []
        for key in report.keys:
            past = self.past[key]
            first = bisect_right(past, report.at - self.policy.window, key=lambda r: r.at)
            window = tuple(past[first:])
            if len({r.who for r in window}) >= least:
                usual = expected(self.hours[key], self.since, report.at, self.policy, TZ)
                before = tuple(reversed(past[max(0, first - BEFORE) : first]))
                watched.append(Watched(key, window, usual, before))
        return detect(report, watched, report.at - self.since, self.policy)

    def _count(self, report: Seen, by: int) -> None:
        hour = hour_of(report.at)
        for key in report.keys:
            self.hours[key][hour] = self.hours[key].get(hour, 0) + by


# --- real complaints --------------------------------------------------------------------------


def complaints(folder: Path) -> list[tuple[date, str, str]]:
    """Date, river and words of each complaint since complaints come daily, each text once."""
    found = {}
    for line in (folder / "all.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        found.setdefault(row["text"], (_date(row["time"]), row["river"], row["text"]))
    return sorted(row for row in found.values() if row[0] and row[0].year >= FIRST_YEAR)


def _date(text: str) -> date | None:
    for shape in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.strptime(text[:10], shape).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def busiest(rows: Iterable[tuple[date, str, str]]) -> dict[str, int]:
    """By month, the most complaints one river had in a day."""
    days = Counter((day, river) for day, river, _ in rows if river != "无")
    most: dict[str, int] = {}
    for (day, _), n in days.items():
        most[f"{day:%Y-%m}"] = max(n, most.get(f"{day:%Y-%m}", 0))
    return most


def rivers(folder: Path, rounds: int) -> None:
    rows = complaints(folder)
    most = busiest(rows)
    quiet = sorted(month for month, n in most.items() if n <= 3)
    weeks_all, weeks_quiet = (rows[-1][0] - rows[0][0]) / WEEK, len(quiet) * 365.25 / 12 / 7
    print(f"真实投诉：{len(rows)} 条，{rows[0][0]} 至 {rows[-1][0]}，河段即地点；只有日期，时刻按")
    print(f"办公日抽取 {rounds} 遍。安静月：没有一条河一天超过 3 条的 {len(quiet)} 个月")
    print(f"（其余：{', '.join(sorted(set(most) - set(quiet)))}）")
    for name, policy, drawn in (
        ("默认：30 分钟窗口", SurgePolicy(), True),
        ("同一天算同时：24 小时窗口", SurgePolicy(window=DAY), False),
    ):
        in_all, in_quiet, worst = [], [], 0
        for seed in range(rounds if drawn else 1):
            calls = _replayed(rows, policy, random.Random(seed), drawn=drawn)
            in_all.append(len(calls))
            in_quiet.append(sum(f"{at:%Y-%m}" in quiet for at in calls))
            worst = max([worst, *Counter(f"{at:%G-%V}" for at in calls).values()])
        print(
            f"  {name}：安静月误报 {statistics.mean(in_quiet) / weeks_quiet:.3f} 次/周"
            f"（共 {statistics.mean(in_quiet):.1f} 次），全部月份"
            f" {statistics.mean(in_all) / weeks_all:.3f} 次/周，最多的一周 {worst} 次"
        )


def _replayed(
    rows: Sequence[tuple[date, str, str]],
    policy: SurgePolicy,
    chance: random.Random,
    *,
    drawn: bool,
) -> list[datetime]:
    start = datetime.combine(rows[0][0], time(0), UTC)
    tower = Tower(policy, start)
    reports = []
    for n, (day, river, text) in enumerate(rows):
        hour = chance.choices(range(24), OFFICE)[0] if drawn else 12
        minute = chance.uniform(0, 60) if drawn else n % 60
        at = datetime.combine(day, time(0), UTC) + timedelta(hours=hour - 8, minutes=minute)
        keys = keys_of(Details(text, "environment", place="" if river == "无" else river))
        reports.append(Seen(f"o{n}", at, f"c{n}", text[:500], keys))
    for report in sorted(reports, key=lambda r: r.at):
        tower.see(report)
    return [at for at, _ in tower.calls]


# --- the E07 story ----------------------------------------------------------------------------

E07 = ("充电桩报错E07，扫码失败", "E07 蓝牙连接超时", "扫码失败，显示E07，蓝牙连不上")


def e07(rounds: int) -> None:
    nth, delays, false = [], [], 0
    for seed in range(rounds):
        chance = random.Random(seed)
        start = datetime(2026, 1, 1, tzinfo=UTC)
        tower = Tower(SurgePolicy(), start)
        days = [8] * 28 + [147]
        reports = [
            (start + n * DAY + timedelta(hours=h - 8, minutes=chance.uniform(0, 60)), n)
            for n, many in enumerate(days)
            for h in chance.choices(range(8, 22), k=many)
        ]
        keys = keys_of(Details("", "ev_charger", device="充电桩", error_code="E07"))
        on_the_day = 0
        first = None
        for i, (at, n) in enumerate(sorted(reports)):
            if n == len(days) - 1:
                on_the_day, first = on_the_day + 1, first or at
            found = tower.see(Seen(f"o{i}", at, f"c{i}", chance.choice(E07), keys))
            if found and first is None:  # somebody says that it was none
                false += 1
                tower.on.clear()
            elif found and first is not None:
                nth.append(on_the_day)
                delays.append((at - first) / MINUTE)
                break
    early = sum(n <= 10 for n in nth)
    print(f"E07：平时每天 8 起，突发日 147 起（8–22 点），{rounds} 遍")
    print(
        f"  报出 {len(nth)}/{rounds}，第 {statistics.median(nth):g} 张单报出"
        f"（最晚第 {max(nth)} 张），前 10 张内 {early}/{rounds}；"
        f"距第一张 {statistics.median(delays):.0f} 分钟（中位）；"
        f"之前四周误报 {false / rounds:.3f} 次"
    )


# --- the simulation ---------------------------------------------------------------------------

USUAL = (
    "空调不制冷", "空调漏水", "空调噪音大", "空调不启动", "空调遥控器没反应", "空调吹热风",
    "空调有异味", "空调跳闸", "空调面板不亮", "空调外机不转", "空调结霜", "空调风太小",
)  # fmt: skip
UNUSUAL = ("空调显示通讯故障连不上网关", "显示通讯故障，网关连不上", "网关连不上，空调报通讯故障")
LEARNING, MEASURED, EVERY, SIZE, SPREAD = 28 * DAY, 30 * DAY, 2 * DAY, 6, 20 * MINUTE


def simulation(base: float, months: int) -> None:
    for name, policy in (("只看概率", TAIL_ONLY), ("概率加聚类", SurgePolicy())):
        bursts = caught = false = 0
        delays: list[float] = []
        for seed in range(months):
            for with_bursts in (False, True):
                calls, begun = _month(base, policy, random.Random(seed), bursts=with_bursts)
                if not with_bursts:
                    false += len(calls)
                    continue
                bursts += len(begun)
                for at in begun:
                    hits = [call for call in calls if at <= call <= at + SPREAD + policy.window]
                    caught += bool(hits)
                    delays += [(hits[0] - at) / MINUTE] if hits else []
        delay = f"{statistics.median(delays):.0f} 分钟" if delays else "—"
        print(
            f"  每 10 分钟 {base:g} 起，{name}：召回 {caught / bursts:.0%}（{bursts} 次突发），"
            f"中位延迟 {delay}，误报 {false / months:.2f} 次/键/30 天"
        )


def _month(
    base: float, policy: SurgePolicy, chance: random.Random, *, bursts: bool
) -> tuple[list[datetime], list[datetime]]:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    measured, end = start + LEARNING, start + LEARNING + MEASURED
    begun = [measured + n * EVERY + timedelta(hours=chance.uniform(0, 40)) for n in range(15)]
    events = [(at, chance.choice(USUAL)) for at in _arrivals(base, start, end, chance)]
    for at in begun if bursts else ():
        events += [(at + chance.random() * SPREAD, chance.choice(UNUSUAL)) for _ in range(SIZE)]
    tower = Tower(replace(policy, lasts=timedelta(hours=3)), start)
    for n, (at, text) in enumerate(sorted(events)):
        tower.see(Seen(f"o{n}", at, f"c{n}", text, ("product:hvac|空调",)))
    return [at for at, _ in tower.calls if at >= measured], begun


def _arrivals(
    base: float, start: datetime, end: datetime, chance: random.Random
) -> Iterator[datetime]:
    at = start
    while (at := at + 10 * MINUTE * chance.expovariate(base)) < end:
        yield at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with all.jsonl")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with recorded(
        "突发：多早发现，多常误报", "python bench/surge.py --data DIR --write", wanted=asked.write
    ):
        if asked.data:
            rivers(asked.data, 20)
        e07(200)
        print("模拟：先学 28 天，再量 30 天，每两天一次突发，20 分钟内 6 起")
        simulation(0.05, 20)
        simulation(3, 3)


if __name__ == "__main__":
    main()
