"""What only short messages have: signed calls, approved names, few a day, refusals, reports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import GetSmsSignRequest, SendSmsRequest
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions
from typer.testing import CliRunner, Result

from bots.channel import Anomalous, Barred, ChannelError, Refused, Retry
from bots.gateway.adapter import Finding
from bots.sms.adapter import ShortMessages
from paidan.channels.sms import Sms
from paidan.cli import app
from paidan.doctor import say
from tests.vendors.ear import Ear
from tests.vendors.platform import SECRET_KEY, TENANT, Town, town
from tests.vendors.sms import CONTENT, HOOK_SECRET, KEY_ID, KEY_SECRET, SIGN, TEMPLATE, FakeSms
from tests.waiting import wait_until
from workflow.records import ChatRef, Outgoing

NUMBER = "13712345678"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(FakeSms(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def account(there: Town) -> FakeSms:
    assert isinstance(there.platform, FakeSms)
    return there.platform


def outgoing(text: str = "已派单 WO-20261123-0001", to: str = NUMBER, key: str = "k") -> Outgoing:
    return Outgoing(TENANT, ChatRef("sms", to), text, key)


def channel(there: Town) -> ShortMessages:
    found: Any = there.parts.adapters["sms"]
    assert isinstance(found, ShortMessages)
    return found


# --- out --------------------------------------------------------------------------------------


async def test_a_template_goes_out_to_a_number_however_it_is_written(
    there: Town, account: FakeSms
) -> None:
    receipt = await channel(there).send(outgoing(to="+86 137-1234-5678"))
    assert receipt.message_id.endswith("^0")
    assert account.phones[NUMBER] == [
        "【安居联修】工单WO-20261123-0001：已派单 WO-20261123-0001。无"
    ]
    assert account.calls[0]["OutId"] == "k"


async def test_words_that_the_service_refuses_are_said_another_way(
    there: Town, account: FakeSms
) -> None:
    nasty = "「水管」漏了🔥 http://evil.example 【急】 ★ 体 13812345678\n快" + "来" * 40
    await channel(there).send(outgoing(nasty))
    (said,) = account.phones[NUMBER]
    assert "“水管”漏了" in said
    assert "13812345678" not in said


async def test_what_is_no_mobile_number_is_refused_before_any_call(
    there: Town, account: FakeSms
) -> None:
    for number in ("12345", "13712345678,13712345679", "customer:c01"):
        with pytest.raises(Refused):
            await channel(there).send(outgoing(to=number))
    assert account.calls == []


async def test_the_fifty_first_of_a_day_waits(there: Town, account: FakeSms) -> None:
    for n in range(50):
        await channel(there).send(outgoing(key=f"k{n}"))
    with pytest.raises(Retry, match="天级流控") as throttled:
        await channel(there).send(outgoing(key="k50"))
    assert throttled.value.after == timedelta(hours=1)
    account.per_minute = 1
    with pytest.raises(Retry, match="分钟级流控") as throttled:
        await channel(there).send(outgoing(key="k51"))
    assert timedelta(minutes=1) < throttled.value.after < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", Retry),
        ("Throttling.User", Retry),
        ("SignatureNonceUsed", Retry),
        ("isv.MOBILE_NUMBER_ILLEGAL", Refused),
        ("isv.BLACK_KEY_CONTROL_LIMIT", Refused),
        ("isv.SMS_CONTENT_ILLEGAL", Refused),
        ("isv.TEMPLATE_PARAMS_ILLEGAL", Refused),
        ("isv.AMOUNT_NOT_ENOUGH", Barred),
        ("isv.OUT_OF_SERVICE", Barred),
        ("isv.PRODUCT_UN_SUBSCRIPT", Barred),
        ("isv.DAY_LIMIT_CONTROL", Barred),
        ("isv.DENY_IP_RANGE", Barred),
        ("isv.SMS_SIGNATURE_ILLEGAL", Barred),
        ("isv.SIGN_STATE_ILLEGAL", Barred),
        ("isv.SMS_TEMPLATE_ILLEGAL", Barred),
        ("isp.RAM_PERMISSION_DENY", Barred),
        ("InvalidAccessKeyId.Inactive", Barred),
        ("Forbidden.AccessKeyDisabled", Barred),
        ("isp.SYSTEM_ERROR", Anomalous),
        ("InternalError", Anomalous),
        ("", Anomalous),
    ],
)
async def test_what_a_code_means(
    there: Town, account: FakeSms, code: str, kind: type[ChannelError]
) -> None:
    account.answers["SendSms"] = (code, "来自平台的话")
    with pytest.raises(kind) as refusal:
        await channel(there).send(outgoing())
    assert type(refusal.value) is kind
    assert refusal.value.why.startswith(code)


async def test_a_switched_off_key_and_an_unapproved_name_bar_the_account(
    there: Town, account: FakeSms
) -> None:
    account.active = False
    with pytest.raises(Barred, match="Inactive"):
        await channel(there).send(outgoing())
    account.active = True
    account.sign["SignStatus"] = 2
    with pytest.raises(Barred, match="SIGNATURE"):
        await channel(there).send(outgoing())
    account.sign["SignStatus"] = 1
    account.now = lambda: 0.0
    with pytest.raises(Barred, match="TimeStamp"):
        await channel(there).send(outgoing())


async def test_a_number_that_is_refused_bars_nobody_else(there: Town, account: FakeSms) -> None:
    account.answers["SendSms"] = ("isv.BLACK_KEY_CONTROL_LIMIT", "黑名单管控")
    with pytest.raises(Refused) as refusal:
        await channel(there).send(outgoing())
    assert not isinstance(refusal.value, Barred)
    del account.answers["SendSms"]
    await channel(there).send(outgoing(to="13912345678"))


# --- in ---------------------------------------------------------------------------------------


async def test_a_batch_of_texts_and_reports_is_kept_and_counted(
    there: Town, account: FakeSms, caplog: pytest.LogCaptureFixture
) -> None:
    entries = [
        account.texted("anna", "锦绣苑3栋2单元501空调不制冷"),
        account.reported("bob"),
        account.reported("carl", "MOBILE_NOT_ON_SERVICE"),
        {"phone_number": account.user("dora")},
        {**account.texted("eve", "空调坏了"), "phone_number": "10086"},
    ]
    assert await account.push(entries) == [200]
    order = await there.until_order()
    assert order.phone == account.user("anna")
    for event in ("undelivered", "ignored", "malformed"):
        assert there.counts["sms", event] == 1
    assert account.user("carl") not in caplog.text.replace(account.user("anna"), "")


async def test_only_pushes_with_the_secret_are_taken(there: Town, account: FakeSms) -> None:
    for secret in ("", "é", "a-secret-of-the-pusH"):
        assert await account.push([account.texted("anna", "空调坏了")], secret=secret) == [403]
    for body in ({}, "text", [1], [[]]):
        assert await account.push(body) == [400]
    assert await account.push([]) == [200]
    assert there.counts["sms", "forged"] == 3
    assert there.counts["sms", "malformed"] == 4
    assert await there.orders() == []


# --- health -----------------------------------------------------------------------------------


async def checked(there: Town) -> dict[str, Finding]:
    return {finding.code: finding for finding in await channel(there).check()}


async def test_the_doctor_reads_what_the_service_says_of_name_and_template(
    there: Town, account: FakeSms
) -> None:
    found = await checked(there)
    good = ["sms_push_good", "sms_key_good", "sms_template_good", "sms_sign_good"]
    assert list(found) == good
    account.sign["RegisterResult"] = 0
    assert (await checked(there))["sms_sign_unfiled"].level == "warn"
    account.sign["SignStatus"] = 2
    assert "签名管理" in say((await checked(there))["sms_sign"])
    account.template["TemplateContent"] = CONTENT.replace("${text}", "${words}")
    assert (await checked(there))["sms_template_fields"].facts[0] == "text"
    account.template["TemplateContent"] = CONTENT + "${more}"
    assert (await checked(there))["sms_template_fields"].level == "fail"
    account.template["TemplateContent"] = CONTENT
    account.template["VariableAttribute"] = '{"number": "other_number2", "text": "others"}'
    assert (await checked(there))["sms_template_kind"].facts == ("number",)
    account.template["TemplateStatus"] = "0"
    assert "模板管理" in say((await checked(there))["sms_template"])
    assert account.calls == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("InvalidAccessKeyId.Inactive", "认证管理"),
        ("isp.RAM_PERMISSION_DENY", "AliyunDysmsFullAccess"),
        ("isv.PRODUCT_UN_SUBSCRIPT", "开通"),
        ("isv.DENY_IP_RANGE", "1.2.3.4"),
        ("isv.SMS_TEMPLATE_ILLEGAL", "模板管理"),
        ("isv.SOMETHING_NEW", "isv.SOMETHING_NEW"),
    ],
)
async def test_the_doctor_says_what_to_click(
    there: Town, account: FakeSms, code: str, words: str
) -> None:
    account.answers["GetSmsTemplate"] = (code, "原IP 1.2.3.4")
    (found,) = [one for one in (await checked(there)).values() if one.level != "ok"]
    assert found.level == "fail"
    assert words in say(found)
    assert "{}" not in say(found, "en")


async def test_how_the_last_sending_ended_is_remembered_until_one_goes_out(
    there: Town, account: FakeSms
) -> None:
    account.answers["SendSms"] = ("isv.AMOUNT_NOT_ENOUGH", "账户余额不足")
    with pytest.raises(Barred):
        await channel(there).send(outgoing())
    found = await checked(there)
    assert "充值" in say(found["sms_money"])
    assert "sms_try_again" in found
    account.answers.clear()
    await channel(there).send(outgoing())
    assert "sms_money" not in await checked(there)


# --- by the command line ----------------------------------------------------------------------


def command(there: Town, folder: Path, *args: str, **section: Any) -> Callable[[], Result]:
    """The same house's command line, beside the running house."""
    platform = there.platform
    keys = {**platform.section().model_dump(), **section}
    settings = {
        "data_dir": str(folder / "data"),
        "secret_key": SECRET_KEY.decode(),
        "http": {"public_url": platform.hook.partition("/hooks/")[0]},
        "channels": {"sms": keys},
    }
    (folder / "config.yaml").write_text(json.dumps(settings), "utf-8")
    arguments = [*args, "--config", str(folder / "config.yaml")]
    return lambda: CliRunner(env={"LANG": "zh_CN.UTF-8", "LC_ALL": ""}).invoke(app, arguments)


async def test_the_doctor_goes_the_whole_way(there: Town, account: FakeSms, tmp_path: Path) -> None:
    said = await asyncio.to_thread(command(there, tmp_path, "doctor", "sms"))
    assert said.exit_code == 0, said.output
    assert [line[0] for line in said.output.splitlines()] == ["!", *"✓✓✓✓✓✓"]
    assert "推送走得通" in said.output
    wrong = await asyncio.to_thread(
        command(there, tmp_path, "doctor", "sms", hook_secret="another-secret-of-16")
    )
    assert wrong.exit_code == 1
    assert "重启 paidan serve" in wrong.output
    off = await asyncio.to_thread(command(there, tmp_path, "doctor", "sms", sign_name=""))
    assert off.exit_code == 1
    assert "渠道 sms 没有配置" in off.output
    account.active = False
    barred = await asyncio.to_thread(command(there, tmp_path, "doctor", "sms"))
    assert barred.exit_code == 1
    assert "认证管理" in barred.output
    for output in (said.output, wrong.output, barred.output):
        assert KEY_SECRET not in output
        assert HOOK_SECRET not in output
    assert account.calls == []


async def test_one_is_tried_and_a_refusal_says_what_to_click(
    there: Town, account: FakeSms, tmp_path: Path
) -> None:
    trying = command(there, tmp_path, "channel", "test", "sms", "--to", "+86 137 1234 5678")
    sent = await asyncio.to_thread(trying)
    assert sent.exit_code == 0, sent.output
    assert "✓ 已发出" in sent.output
    assert "WO-00000000-0000" in account.phones[NUMBER][0]
    account.answers["SendSms"] = ("isv.AMOUNT_NOT_ENOUGH", "账户余额不足")
    assert "充值" in str((await asyncio.to_thread(trying)).exception)
    after = await asyncio.to_thread(command(there, tmp_path, "doctor", "sms"))
    assert "充值" in after.output
    assert "paidan channel test sms" in after.output
    account.answers["SendSms"] = ("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:50")
    assert "发送频率设置" in str((await asyncio.to_thread(trying)).exception)
    wrong = command(there, tmp_path, "channel", "test", "sms", "--to", "group:home")
    assert "不是能发的手机号" in str((await asyncio.to_thread(wrong)).exception)


async def test_supervisors_hear_of_an_account_that_owes_once(there: Town, account: FakeSms) -> None:
    account.answers["SendSms"] = ("isv.OUT_OF_SERVICE", "业务停机")
    await account.says("anna", "锦绣苑3栋2单元501空调不制冷", "customer:anna")
    await there.until_order()
    told = await there.until_told(lambda s: "业务停机" in s.text, "group:supervisors")
    assert "paidan doctor sms" in told.text
    account.answers.clear()

    async def later() -> bool:
        clock = there.parts.clock
        await clock.move(TENANT, clock.now(TENANT) + timedelta(minutes=1))
        there.parts.house.wake(TENANT, frozenset({"outbox"}))
        return bool(account.phones[account.user("anna")])

    await wait_until(later)


# --- the fake ---------------------------------------------------------------------------------


async def test_the_vendors_own_client_finds_the_fake_true() -> None:
    """The SDK signs, sends, and is refused as documented."""
    account = FakeSms()
    await account.start()
    config = Config(
        access_key_id=KEY_ID,
        access_key_secret=KEY_SECRET,
        endpoint=account.address.removeprefix("http://"),
        protocol="http",
    )
    filled = '{"number": "WO-1", "text": "已 派+单*~/", "reply": "无"}'

    def asked(number: str = NUMBER, sign: str = SIGN) -> SendSmsRequest:
        return SendSmsRequest(
            phone_numbers=number, sign_name=sign, template_code=TEMPLATE, template_param=filled
        )

    def send(request: SendSmsRequest) -> Any:
        return Client(config).send_sms_with_options(request, RuntimeOptions()).body

    sent = await asyncio.to_thread(send, asked())
    assert (sent.code, sent.message) == ("OK", "OK")
    assert account.phones[NUMBER] == ["【安居联修】工单WO-1：已 派+单*~/。无"]
    assert (await asyncio.to_thread(send, asked("137"))).code == "isv.MOBILE_NUMBER_ILLEGAL"
    assert (await asyncio.to_thread(send, asked(sign="别人"))).code == "isv.SMS_SIGNATURE_ILLEGAL"
    account.per_minute = 1
    assert (await asyncio.to_thread(send, asked())).code == "isv.BUSINESS_LIMIT_CONTROL"
    request = GetSmsSignRequest(sign_name=SIGN)
    found = await asyncio.to_thread(
        lambda: Client(config).get_sms_sign_with_options(request, RuntimeOptions()).body
    )
    assert (found.sign_status, found.register_result) == (1, 1)
    config.access_key_secret = "another"
    with pytest.raises(Exception, match="SignatureDoesNotMatch"):
        await asyncio.to_thread(send, asked())
    await account.stop()


def test_without_all_its_keys_there_is_no_channel() -> None:
    assert not Sms(access_key_id="a", access_key_secret="b", sign_name="c", template="d").on
