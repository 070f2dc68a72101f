"""The command line: results on stdout, one sentence on stderr, exit codes people can script by."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from nlp import Understander, corpus
from paidan import cli
from paidan.company_file import parse_company
from paidan.demo import demo_company
from storage.migrating import HEAD
from tests import trained


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, understander: Understander) -> Path:
    """The user's cache folder, with the trained model in it."""
    del understander  # trained by now
    folder = tmp_path_factory.mktemp("cache")
    (folder / "paidan").mkdir()
    (folder / "paidan" / "model").symlink_to(trained.FOLDER, target_is_directory=True)
    return folder


@pytest.fixture
def paidan(
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs the command in an empty folder; returns exit code, stdout and stderr."""
    for name in os.environ:
        if name.startswith(("PAIDAN", "LC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.chdir(tmp_path)

    def run(*args: str, given: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["paidan", *args])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return Ran(int(left.value.code or 0), said.out, said.err)

    return run


def test_from_an_empty_folder_to_a_stored_company(paidan: Run) -> None:
    begun = paidan("init")
    assert begun.code == 0
    assert "paidan config check && paidan import company.yaml" in begun.out
    assert paidan("config", "check").code == 0
    assert paidan("migrate").out == f"已升级：{HEAD}\n"
    assert paidan("migrate").out == "已是最新\n"
    assert paidan("import", "company.yaml").out.startswith("company.yaml：新增 1，")
    assert paidan("import", "company.yaml").out.startswith("company.yaml：新增 0，修改 0，不变 1")
    checked = paidan("doctor")
    assert checked.code == 0
    assert "✓ 公司 我的公司 已导入，3 人" in checked.out
    assert "✗" not in checked.out
    link = paidan("login-link", "boss")
    assert link.out.startswith("http://127.0.0.1:8080/login/")


def test_init_never_overwrites(paidan: Run) -> None:
    Path("company.yaml").write_text("mine", "utf-8")
    said = paidan("init").out
    assert "company.yaml 已存在，没有动" in said
    assert Path("company.yaml").read_text("utf-8") == "mine"
    assert Path("config.yaml").exists()


def test_the_demo_company_goes_in_and_comes_out_equal(paidan: Run) -> None:
    paidan("init", "--demo")
    assert paidan("import", "company.yaml").code == 0
    exported = parse_company(paidan("export").out)
    loaded = demo_company()
    assert exported.company == loaded.company
    assert set(exported.customers) == set(loaded.customers)
    assert {a.id: a for a in exported.assets} == {a.id: a for a in loaded.assets}
    assert paidan("export", "out.yaml").out == "写好 out.yaml\n"
    assert paidan("export", "out.yaml").err == "out.yaml 已存在，换个名字\n"


def test_tables_come_in_with_their_errors_on_stderr(paidan: Run) -> None:
    paidan("init", "--demo")
    paidan("import", "company.yaml")
    Path("customers.csv").write_bytes("编号,姓名,电话\nk1,周,13800138000\nk2,李,x\n".encode("gbk"))
    refused = paidan("import", "customers.csv")
    assert refused.code == 2
    assert refused.err == "customers.csv:3 phone：写的是「x」，应为11 位手机号或座机号\n"
    assert "新增 0" in refused.out
    partial = paidan("import", "--partial", "customers.csv")
    assert (partial.code, "新增 1" in partial.out) == (0, True)
    Path("k.csv").write_text("id,name\nk3,a\n", "utf-8")
    assert "应为：staff, customers, assets" in paidan("import", "k.csv").err
    assert paidan("import", "k.csv", "--kind", "customers").code == 0


def test_a_company_of_another_tenant_is_refused(paidan: Run) -> None:
    paidan("init")
    text = Path("company.yaml").read_text("utf-8").replace("tenant: main", "tenant: other")
    Path("company.yaml").write_text(text, "utf-8")
    assert paidan("import", "company.yaml").err == (
        "company.yaml tenant：写的是「other」，应为其中之一：main\n"
    )


def test_config_check_names_line_and_key_and_fails(paidan: Run) -> None:
    paidan("init")
    text = Path("company.yaml").read_text("utf-8").replace("shift: day", "shift: dya")
    Path("company.yaml").write_text(text, "utf-8")
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "dya" in row)
    said = paidan("config", "check")
    assert said.code == 2
    assert said.err == (
        f"company.yaml:{line} staff[1].shift：写的是「dya」，应为已定义的编号：day、night\n"
    )
    Path("config.yaml").write_text("http: {port: x}\n", "utf-8")
    assert paidan("config", "check").err.startswith("config.yaml:1 http.port：")


def test_config_check_warns_without_failing(paidan: Run) -> None:
    paidan("init")
    text = Path("company.yaml").read_text("utf-8").replace("20:00-08:00", "20:00-02:00")
    Path("company.yaml").write_text(text, "utf-8")
    said = paidan("config", "check")
    assert said.code == 0
    assert "维修组 这些时段没有工程师在班：mon-sun 02:00-08:00" in said.out


def test_config_check_warns_of_short_messages_that_no_account_would_send(paidan: Run) -> None:
    paidan("init")
    assert "短信账号" not in paidan("config", "check").out
    text = Path("company.yaml").read_text("utf-8")
    Path("company.yaml").write_text(f"{text}\npolicy: {{notices: {{sms: true}}}}\n", "utf-8")
    said = paidan("config", "check")
    assert said.code == 0, said.err
    assert "policy.notices 写了 sms: true，可是没有短信账号" in said.out
    assert "channels.sms" in said.out
    settings = Path("config.yaml").read_text("utf-8")
    account = (
        "channels: {sms: {access_key_id: LTAI5tFake, access_key_secret: secretsecret, "
        "sign_name: 安居, template: SMS_1, hook_secret: abcdefghijklmnop}}"
    )
    Path("config.yaml").write_text(f"{settings}\n{account}\n", "utf-8")
    said = paidan("config", "check")
    assert said.code == 0, said.err
    assert "短信账号" not in said.out


def test_config_schema_is_json(paidan: Run) -> None:
    assert json.loads(paidan("config", "schema").out)["title"] == "Paidan company.yaml"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["explain", "7"], "没有工单 7\n"),
        (["login-link", "x"], "staff：写的是「x」，应为：boss, li, wang\n"),
        (["import", "none.csv", "--kind", "staff"], "none.csv：文件读不了：No such file"),
        (["replay", "none.jsonl"], "none.jsonl: No such file or directory\n"),
        (["replay", "x", "--until", "明天"], "--until 写的是「明天」，应为带时区的时刻"),
        (["migrate", "-c", "none.yaml"], "none.yaml：文件读不了"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_exit_2(
    paidan: Run, args: list[str], says: str
) -> None:
    paidan("init")
    paidan("import", "company.yaml")
    said = paidan(*args)
    assert said.code == 2
    assert said.err.endswith("\n")
    assert says in said.err
    assert "Traceback" not in said.err


def test_before_the_first_import_the_sentence_says_so(paidan: Run) -> None:
    assert paidan("export").err == "租户 demo 还没有公司；请先跑 paidan import company.yaml\n"
    Path("staff.csv").write_text("id,name\na,b\n", "utf-8")
    said = paidan("import", "staff.csv")
    assert (said.code, said.err.count("\n")) == (2, 1)


def test_the_sandbox_does_not_open_in_production(
    paidan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIDAN__MODE", "production")
    said = paidan("demo")
    assert said.code == 2
    assert "production" in said.err


def test_english_when_the_environment_says_so(paidan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    assert paidan("init").out.startswith("wrote config.yaml")
    assert paidan("explain", "7").err == "no work order 7\n"


# --- understanding ----------------------------------------------------------------------------


def test_understand_says_what_a_sentence_means(paidan: Run) -> None:
    found = json.loads(paidan("understand", "3栋2单元电梯困人了").out)
    assert (found["intent"], found["fault_type"], found["priority"]) == ("report", "elevator", "P0")
    assert found["entities"]["location"] == ["3栋2单元"]
    assert (
        json.loads(paidan("understand", given="马桶堵了".encode()).out)["fault_type"] == "plumbing"
    )
    assert not any(Path().iterdir())


def test_the_first_start_tells_of_its_training_on_stderr(
    paidan: Run, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = corpus.load()[::20]
    monkeypatch.setattr(corpus, "load", lambda: few)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # another process would read all of it
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("empty")))
    first = paidan("understand", "电梯困人了")
    assert "training" in first.err
    again = paidan("understand", "电梯困人了")
    assert (json.loads(first.out), "") == (json.loads(again.out), again.err)


def test_corpus_rows_are_checked_sheeted_and_read_again(paidan: Run) -> None:
    Path("rows").mkdir()
    Path("rows/hvac.txt").write_text(
        "[report P1 3]\n{d:空调}不冷了\n{d:空调}不冷了啊\n风口一直滴水\n", "utf-8"
    )
    ran = paidan("corpus", "check", "--folder", "rows", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["rows"], told["entities"]) == (1, 3, {"device": 2})
    assert [told["twins"][0][k] for k in ("first", "second")] == ["hvac.txt:2", "hvac.txt:3"]
    assert "hvac.txt:2 ~ hvac.txt:3" in paidan("corpus", "check", "--folder", "rows").out
    sheet = paidan("corpus", "sheet", "--folder", "rows", "--rows", "1").out
    head, row = sheet.splitlines()
    cells = row.split(",")
    cells[head.split(",").index("emotion")] = "4"
    Path("second.csv").write_text(f"{head}\n{','.join(cells)}\n", "utf-8")
    agreed = paidan("corpus", "agree", "second.csv", "--folder", "rows")
    assert "emotion: 1  0.000" in agreed.out
    assert "emotion: 3 → 4" in agreed.out
    differ = json.loads(paidan("corpus", "agree", "second.csv", "--folder", "rows", "--json").out)
    assert [one["second"] for one in differ["differ"]] == ["4"]


def test_corpus_commands_say_what_is_wrong(paidan: Run) -> None:
    Path("rows").mkdir()
    assert "没有语料" in paidan("corpus", "check", "--folder", "rows").err
    Path("rows/hvac.txt").write_text("[report P9 3]\n空调不冷\n", "utf-8")
    assert "hvac.txt:1" in paidan("corpus", "check", "--folder", "rows").err
    assert "--head" in paidan("corpus", "audit", "--head", "mood").err
    assert paidan("corpus", "agree", "absent.csv").code == 2


def test_understand_jsonl_answers_every_line_in_order(paidan: Run) -> None:
    rows = [
        json.dumps({"id": 1, "text": "空调不制冷", "at": "2026-11-21T08:00:00+08:00"}).encode(),
        b"not json",
        b"",
        b"[]",
        b'{"id": "b"}',
        b'{"id": "c", "text": 5}',
        b'{"id": "d", "text": "' + b"x" * 20_001 + b'"}',
        '{"id": "e", "text": "你好"}'.encode("gbk"),
        b'{"id": "f", "text": "\\ud800 a\\u2028b"}',
    ]
    ran = paidan("understand", "--jsonl", given=b"\n".join(rows) + b"\n")
    answers = [json.loads(line) for line in ran.out.split("\n")[:-1]]
    assert ran.code == 0
    assert len(answers) == len(rows)
    assert [a["id"] for a in answers] == [1, None, None, None, "b", "c", "d", "e", "f"]
    assert ["error" in a for a in answers] == [False] + [True] * 6 + [False] * 2
    assert answers[0]["fault_type"] == "hvac"
    assert set(answers[0]) == {
        "id", "intent", "fault_type", "priority", "emotion", "entities", "normalized",
        "confidence", "evidence", "abstained", "corrections",
    }  # fmt: skip


def test_replay_keeps_stdout_for_its_story(paidan: Run) -> None:
    said = {"channel": "sandbox", "chat": "customer:c01", "sender": "c01", "text": "电梯困人了"}
    line = {"at": "2026-11-21T03:00:00+08:00", "message_id": "m1", **said}
    Path("t.jsonl").write_text(json.dumps(line), "utf-8")
    judged = paidan("same-incident", "1206空调不冷", "1216空调不冷", "--gap-min", "5")
    assert json.loads(judged.out)["reason"] == "other_place"
    ran = paidan("replay", "t.jsonl", "--until", "2026-11-21T03:20:00+08:00")
    assert ran.code == 0
    assert json.loads(ran.out)
    assert ran.err == ""
    Path("t.jsonl").write_text('{"at": "yesterday"}', "utf-8")
    assert paidan("replay", "t.jsonl").code == 2
    Path("t.jsonl").write_bytes("电梯".encode("gbk"))
    assert paidan("replay", "t.jsonl").err == "t.jsonl：不是 UTF-8\n"


def test_the_installed_command_keeps_stdout_for_results(tmp_path: Path, cache: Path) -> None:
    command = [sys.executable, "-m", "paidan.cli", "understand", "--jsonl"]
    ran = subprocess.run(
        command,
        input='{"id":1,"text":"空调坏了"}\n'.encode(),
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "LANG": "C", "PYTHONUTF8": "0"},
    )
    assert [json.loads(line)["id"] for line in ran.stdout.decode().splitlines()] == [1]
    assert ran.stderr == b""


def test_help_does_not_import_heavy_rooms() -> None:
    code = (
        "import sys; from paidan import cli; "
        "heavy = {'sqlalchemy', 'numpy', 'aiohttp', 'sklearn', 'jieba', 'pydantic', 'yaml'}; "
        "sys.exit(','.join(heavy & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ran.stderr == b""
    assert ran.returncode == 0


def test_the_starter_company_is_sound(paidan: Run) -> None:
    paidan("init")
    text = Path("company.yaml").read_text("utf-8")
    assert parse_company(text).warnings == ()
    assert yaml.safe_load(Path("config.yaml").read_text("utf-8"))["tenant"] == "main"


def test_a_taken_port_is_one_sentence(paidan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("var").mkdir()
    Path("var/model").symlink_to(trained.FOLDER, target_is_directory=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("PAIDAN__HTTP__PORT", str(taken.getsockname()[1]))
        said = paidan("demo")
    assert said.code == 2
    assert said.err.splitlines()[-1].startswith("端口被占用：")
