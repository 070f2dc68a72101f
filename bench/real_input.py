"""What becomes of messages of no template, row by row.

    python bench/real_input.py FILE.txt FILE.jsonl … [--minutes 7] [--write]

Each message comes from another unknown customer's web chat, some minutes after the one before,
through the real intake (``paidan.replay``): admission, understanding, joining, dispatch, notices.
Printed for each: the text, what became of it, the work order's number, how it was understood, and
the first answer, to be read by eye.

``.txt``: one message a line; after tabs may follow what a careful reader expects of intent, fault
type and priority (``P1/P2``: either will do; ``*``: whatever; intent ``person``: someone at the
desk must get to see it). ``.jsonl``: ``{"id", "text"}``, with ``intent``, ``fault_type`` and
``priority`` if expected. Where something is expected, the misses are marked and counted.
``--write`` puts the counts of files that say what they expect into bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from results import write

from nlp import Understander
from paidan.demo import demo_company
from paidan.replay import replay

HEADS = ("intent", "fault_type", "priority")
BEGUN = datetime.fromisoformat("2026-11-24T09:00:00+08:00")
LONGEST = 3900
SHOWN = 90


class Row(NamedTuple):
    """A message and, for each head, the answers that will do (none: nobody said)."""

    id: str
    text: str
    expected: dict[str, set[str]]


def rows(path: Path) -> Iterator[Row]:
    lines = path.read_text("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if path.suffix == ".jsonl":
            given = json.loads(line)
            said = [str(given.get(head, "*")) for head in HEADS]
            name, text = str(given.get("id", number)), given["text"]
        else:
            text, *said = line.split("\t")
            name, text = str(number), text.replace("\\n", "\n")
        expected = {h: set(s.split("/")) for h, s in zip(HEADS, said, strict=False) if s != "*"}
        yield Row(name, text, expected)


def transcript(messages: list[Row], minutes: float) -> Iterator[str]:
    for place, row in enumerate(messages):
        line = {
            "at": (BEGUN + timedelta(minutes=minutes * place)).isoformat(),
            "channel": "web",
            "chat": f"visitor:{row.id}",
            "sender": f"visitor{row.id}",
            "message_id": f"{place}",
            "text": row.text[:LONGEST],
        }
        yield json.dumps(line, ensure_ascii=False)


def misses(row: Row, outcome: str, understood: dict[str, Any]) -> list[str]:
    """What a careful reader would not accept, by kind."""
    wanted, found = row.expected, []
    if wanted.get("intent") == {"person"}:
        seen = outcome.startswith("case") or "triage" in outcome
        return [] if seen else ["unseen: no person sees it"]
    for head in HEADS:
        if head in wanted and understood.get(head) not in wanted[head]:
            kind = f"{head}: {understood.get(head)}, not {'/'.join(sorted(wanted[head]))}"
            if head == "priority":
                kind = _priority_miss(wanted[head], str(understood.get(head))) or kind
            found.append(kind)
    return found


def _priority_miss(wanted: set[str], answered: str) -> str:
    if wanted == {"P0"}:
        return "danger missed"
    return "danger imagined" if answered == "P0" else ""


def feed(path: Path, reader: Understander, minutes: float) -> dict[str, Any]:
    """Feed one file, print its rows, and count."""
    messages = list(rows(path))
    told = replay(transcript(messages, minutes), demo_company(), reader)
    answers: dict[str, str] = {}
    for notice in told["notices"]:
        answers.setdefault(notice["to"]["chat"], notice["text"])
    outcomes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for row, message in zip(messages, told["messages"], strict=True):
        understood = message.get("understood", {})
        wrong = misses(row, message["outcome"], understood)
        outcomes[message["outcome"]] += 1
        kinds.update(kind.partition(":")[0] for kind in wrong)
        for head in HEADS:
            right[head] += understood.get(head) in row.expected.get(head, ())
        heads = " ".join(str(understood.get(head)) for head in (*HEADS, "emotion"))
        doubt = ",".join(understood.get("abstained", ()))
        print(f"{row.id} | {_short(row.text)} | {message['outcome']} | ", end="")
        print(f"{message.get('work_order', '')} | {heads} | {doubt} | ", end="")
        print(f"{_short(answers.get(f'visitor:{row.id}', ''))} | {'; '.join(wrong)}")
    asked = {
        h: sum(h in r.expected and r.expected[h] != {"person"} for r in messages) for h in HEADS
    }
    print(f"\n{path.name}: {len(messages)} messages\n{dict(outcomes.most_common())}")
    print(f"misses {dict(kinds.most_common())}; right {dict(right)} of {asked}")
    print(f"what the audit finds: {told['findings']}\n")
    return {"name": path.name, "n": len(messages), "misses": kinds, "right": right, "asked": asked}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def section(counted: list[dict[str, Any]]) -> str:
    files = " ".join(f"bench/data/{c['name']}" for c in counted)
    lines = [
        "## 真实输入：不按模板写的话，逐条进真实接入",
        "",
        f"`python bench/real_input.py {files} --write`，{datetime.now(UTC):%Y-%m-%d}。"
        "这些话都已读过并据此改进，所以数字偏好；头一回见到时的数字和错在哪里，"
        "见 docs/explanation/real-input.md。",
        "",
        "| 文件 | 条数 | 意图对 | 类型对 | 优先级对 | 漏判危险 | 误判危险 | 该有人看而没人看 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for c in counted:
        shares = " | ".join(f"{c['right'][h]}/{c['asked'][h]}" for h in HEADS)
        kinds = " | ".join(
            str(c["misses"][kind]) for kind in ("danger missed", "danger imagined", "unseen")
        )
        lines.append(f"| {c['name']} | {c['n']} | {shares} | {kinds} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, default=7, help="between one message and the next")
    parser.add_argument("--write", action="store_true", help="put the counts into RESULTS.md")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    reader = Understander.load(Path("var/test-model"), print)
    counted = [feed(path, reader, asked.minutes) for path in asked.files]
    if asked.write:
        write(section([c for c in counted if c["asked"]["intent"]]))


if __name__ == "__main__":
    main()
