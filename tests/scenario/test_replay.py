"""``paidan replay``: a transcript through the real intake, told as JSON, the same every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from nlp import Understander
from paidan import transcript
from paidan.company_file import Loaded
from paidan.demo import demo_company
from paidan.replay import replay as retell
from tests import trained
from workflow.errors import InvalidInput

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "transcript.schema.json"
OFFLINE = """
import socket, sys
def refuse(*_args):
    raise SystemExit("tried to reach the network")
socket.socket.connect = socket.socket.connect_ex = refuse
sys.argv = ["paidan", *sys.argv[1:]]
from paidan.cli import main
main()
"""
"""The command line, with the network taken away."""

Line = dict[str, Any]
SAID_AT = "2026-11-24T{}+08:00"


def line(at: str, text: str = "", sender: str = "c01", **more: Any) -> Line:
    base = {
        "at": SAID_AT.format(at),
        "channel": "sandbox",
        "chat": f"customer:{sender}",
        "sender": sender,
        "message_id": f"{sender}@{at}",
    }
    return {**base, **({"text": text} if text else {}), **more}


def in_lift_group(at: str, do: str, sender: str, **args: Any) -> Line:
    action = {"do": do, "last": True, **({"args": args} if args else {})}
    return line(at, sender=sender, chat="group:lift", chat_kind="group", action=action)


TRAPPED = line("10:00:00", "3栋2单元电梯困人了，快来人")
STORY = [
    TRAPPED,
    line("10:00:20", "三号楼二单元电梯困人", "v7", channel="wecom", chat="v7", sender_name="路人"),
    {**TRAPPED, "at": SAID_AT.format("10:00:30")},
    line("10:00:35", "电梯又坏了", "c02", chat="group:owners", chat_kind="group"),
    in_lift_group("10:00:40", "accept", "zhaoqiang"),
    in_lift_group("10:04:00", "arrive", "zhaoqiang"),
    in_lift_group("10:20:00", "complete", "zhaoqiang", text="人已救出"),
    line("10:21:00", action={"do": "sign", "last": True}),
    line("10:30:00", "空调不制冷", "c02", media={"kind": "voice", "transcript": "一直吹热风"}),
]


@dataclass(frozen=True)
class Ran:
    code: int
    out: bytes
    err: str


Command = Callable[..., Ran]
Replay = Callable[..., dict[str, Any]]


@pytest.fixture
def command(understander: Understander, tmp_path: Path) -> Command:
    """Run the command as a user does, in a process of its own."""
    del understander  # trained by now
    home = tmp_path / "home"
    home.mkdir()
    (home / "model").symlink_to(trained.FOLDER, target_is_directory=True)
    env = {"PATH": os.environ["PATH"], "PAIDAN_HOME": str(home), "PYTHONHASHSEED": "random"}
    kept = {"HOME", "VIRTUAL_ENV", "PYTHONPATH"} & os.environ.keys()
    env |= {name: os.environ[name] for name in kept}

    def run(lines: Sequence[object], *args: str) -> Ran:
        file = tmp_path / "said.jsonl"
        rows = (row if isinstance(row, str) else json.dumps(row) for row in lines)
        file.write_text("\n".join(rows), "utf-8")
        done = subprocess.run(
            [sys.executable, "-c", OFFLINE, "replay", str(file), *args],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            timeout=100,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr.decode())

    return run


@pytest.fixture
def replay(understander: Understander) -> Replay:
    """The same without the process."""

    def run(lines: Sequence[object], company: Loaded | None = None, **more: Any) -> dict[str, Any]:
        rows = [row if isinstance(row, str) else json.dumps(row) for row in lines]
        told = retell(rows, company or demo_company(), understander, **more)
        story: dict[str, Any] = json.loads(json.dumps(told))
        return story

    return run


def test_the_same_transcript_gives_the_same_bytes_and_reaches_nobody(command: Command) -> None:
    until = ("--until", "2026-11-24T18:00:00+08:00")
    first, second = command(STORY, "--json", *until), command(STORY, *until)
    assert first.code == 0, first.err
    assert first.out == second.out
    story = json.loads(first.out)
    assert (len(story["work_orders"]), story["findings"]) == (2, [])


def test_a_wrong_line_ends_in_a_sentence_and_tells_nothing(command: Command) -> None:
    ran = command([TRAPPED, "{not json"])
    assert (ran.code, ran.out) == (2, b"")
    assert "line 2" in ran.err
    assert "Traceback" not in ran.err


def test_it_tells_work_orders_events_and_who_was_told_what_when_and_why(replay: Replay) -> None:
    story = replay(STORY)
    lift, air = story["work_orders"]
    assert (lift["priority"], lift["state"], lift["outcome"]) == ("P0", "closed", "completed")
    assert [r["sender"] for r in lift["reporters"]] == ["c01", "v7"]
    assert (air["fault_type"], air["state"]) == ("hvac", "dispatched")
    kinds = [e["kind"] for e in story["events"] if e["order_id"] == lift["id"]]
    assert kinds[0] == "reported"
    assert {"joined", "accepted", "arrived", "completed", "accepted_by_customer"} <= set(kinds)
    assert all(datetime.fromisoformat(e["at"]).tzinfo for e in story["events"])
    for notice in story["notices"]:
        assert all(notice[key] for key in ("kind", "why", "text", "state", "urgency"))
        assert notice["to"]["chat"]
        assert datetime.fromisoformat(notice["at"]).tzinfo
    assert {n["to"]["channel"] for n in story["notices"]} == {"sandbox", "wecom"}
    outcomes = {(m["line"], m["outcome"]) for m in story["messages"]}
    assert {(2, "joined"), (3, "duplicate"), (4, "ignored: chatter")} <= outcomes
    assert story["messages"][1]["work_order"] == lift["number"]


def test_the_clock_stands_where_the_transcript_says(replay: Replay) -> None:
    story = replay([TRAPPED], until=datetime.fromisoformat(SAID_AT.format("10:20:00")))
    (order,) = story["work_orders"]
    assert datetime.fromisoformat(order["opened_at"]) == datetime.fromisoformat(str(TRAPPED["at"]))
    steps = [e for e in story["events"] if e["kind"] == "step_taken"]
    rungs = {e["data"]["rung"]: e["at"] for e in steps}
    assert rungs["golden_warning"].startswith("2026-11-24T02:12")
    offers = [e["at"] for e in story["events"] if e["kind"] == "dispatched"]
    assert offers[1].startswith("2026-11-24T02:01")


def test_the_same_message_twice_changes_nothing(replay: Replay) -> None:
    once = replay([TRAPPED])
    again = {**TRAPPED, "at": SAID_AT.format("10:00:30"), "text": "换了说法也一样"}
    twice = replay([TRAPPED, again])
    assert once["work_orders"] == twice["work_orders"]
    assert once["events"] == twice["events"]
    known = {"line": 2, "message_id": TRAPPED["message_id"], "outcome": "duplicate"}
    assert twice["messages"][1] == known


def test_a_kept_database_goes_on_from_where_it_was(replay: Replay, tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'kept.db'}"
    replay([TRAPPED], db=db)
    story = replay([TRAPPED, line("10:20:00", "师傅到哪了")], db=db)
    outcomes = [m["outcome"] for m in story["messages"]]
    assert outcomes == ["duplicate", "answered: progress"]
    assert len(story["work_orders"]) == 1


def test_another_company_may_serve(replay: Replay) -> None:
    demo = demo_company()
    renamed = replace(demo.company.staff["zhaoqiang"], name="欧阳锋")
    staff = {**demo.company.staff, renamed.id: renamed}
    company = replace(demo.company, tenant="mine", staff=staff)
    story = replay(STORY[:1], replace(demo, company=company))
    assert story["work_orders"][0]["tenant"] == "mine"
    assert any("欧阳锋" in n["text"] for n in story["notices"])


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        ([TRAPPED, "[1, 2]"], "line 2: line"),
        ([TRAPPED, {**line("10:01:00", "x"), "at": "2026-11-24 10:01"}], "line 2: at"),
        ([line("10:05:00", "x"), line("10:04:00", "y")], "line 2: at"),
        ([line("10:01:00", "x", sender="")], "line 1: sender"),
        ([line("10:01:00", "x", chat_kind="room")], "line 1: chat_kind"),
        ([line("10:01:00")], "line 1: text"),
        ([line("10:01:00", action={"do": "accept"})], "line 1: action"),
        ([line("10:01:00", media={"kind": "hologram"})], "line 1: media"),
    ],
)
def test_a_wrong_line_is_named_before_anything_is_fed(
    replay: Replay, lines: list[object], where: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        replay(lines)
    assert refused.value.data["field"] == where


def test_an_empty_transcript_tells_an_empty_story(replay: Replay) -> None:
    story = replay([])
    assert (story["work_orders"], story["events"], story["messages"]) == ([], [], [])


def test_the_published_schema_names_every_key_that_is_read() -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    keys = {key for row in STORY for key in row}
    assert keys <= set(schema["properties"])
    assert set(schema["required"]) == {"at", "channel", "chat", "sender", "message_id"}
    for row in STORY:
        assert set(schema["required"]) <= set(row)
        assert any(set(option["required"]) <= set(row) for option in schema["anyOf"])
    kinds = schema["$defs"]["medium"]["properties"]["kind"]["enum"]
    assert set(kinds) == set(transcript.MEDIA_KINDS)
    assert set(schema["properties"]["chat_kind"]["enum"]) == set(transcript.KINDS)
    assert len(list(transcript.read(json.dumps(row) for row in STORY))) == len(STORY)
