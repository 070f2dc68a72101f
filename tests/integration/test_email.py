"""What only mail has: threads, machines, forged senders, folders, TLS, and servers that hang up."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import AsyncIterator
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bots.channel import Anomalous, Barred, Refused, Retry
from bots.email import Security
from paidan.channels import Channels
from paidan.channels.email import Email, MailServer
from paidan.channels.running import plug
from paidan.settings import Settings
from storage import SqlStore, open_store
from storage.conversations import SqlInbox
from tests.vendors.ear import Ear
from tests.vendors.mail import ADDRESS, FakeMail, PollingMail, unreachable_port
from tests.vendors.platform import TENANT, Town, town
from tests.waiting import wait_until
from workflow.errors import Unavailable
from workflow.kept import Admitted
from workflow.records import ChatRef, Inbound, Outgoing

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
OTHER = "锦绣苑5栋1单元302厨房水管漏水，电话13712345678"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 2000


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(FakeMail(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def mail(there: Town) -> FakeMail:
    assert isinstance(there.platform, FakeMail)
    return there.platform


def raw(mail: EmailMessage) -> bytes:
    return mail.as_bytes(policy=policy.SMTP)


async def until_flags(mail: FakeMail, wanted: str, folder: str = "INBOX") -> None:
    async def look() -> bool:
        return any(wanted in flags for flags in await mail.flags(folder))

    await wait_until(look)


async def opened(there: Town, mail: FakeMail, message: EmailMessage) -> tuple[Any, Any]:
    known = {order.id for order in await there.orders()}
    await mail.lay(raw(message))
    order = await there.until_order(lambda o: o.id not in known)
    await there.until_shown("customer:anna", lambda s: order.number in s.text)
    told = next(s for s in reversed(mail.mails("anna")) if order.number in s.text)
    return order, told


def histories(there: Town) -> dict[str, str]:
    """What happened to each work order."""
    found = there.parts.store.audit(TENANT)
    return {order.id: str([event.data for event in events]) for order, events in found}


async def test_the_number_comes_back_in_the_thread(there: Town, mail: FakeMail) -> None:
    asked = mail.compose("anna", FAULT, "空调坏了")
    order, told = await opened(there, mail, asked)
    first = asked["Message-ID"]
    assert told.mail["Subject"] == f"Re: 空调坏了 [{order.number}]"
    assert (told.mail["In-Reply-To"], told.mail["References"]) == (first, first)
    assert told.mail["Auto-Submitted"] == "auto-replied"
    assert told.envelope == (ADDRESS, ("anna@example.com",))
    assert order.text.startswith("空调坏了\n")
    await until_flags(mail, "\\Seen")


async def test_an_answer_goes_on_where_its_thread_began(there: Town, mail: FakeMail) -> None:
    first, told = await opened(there, mail, mail.compose("anna", FAULT, "空调坏了"))
    second, _ = await opened(there, mail, mail.compose("anna", OTHER, "水管漏水"))
    assert first.id != second.id
    await mail.lay(raw(mail.reply("anna", "门锁密码是8866，家里有狗", told)))

    async def added() -> bool:
        now = histories(there)
        assert "8866" not in now[second.id]
        return "8866" in now[first.id]

    await wait_until(added)
    assert len(await there.orders()) == 2


async def test_a_program_that_breaks_threads_is_known_by_the_number(
    there: Town, mail: FakeMail
) -> None:
    first, _ = await opened(there, mail, mail.compose("anna", FAULT, "空调坏了"))
    second, _ = await opened(there, mail, mail.compose("anna", OTHER, "水管漏水"))
    subject = f"回复：空调坏了 [{first.number}]"
    await mail.lay(raw(mail.compose("anna", "门锁密码是8866，家里有狗", subject)))

    async def added() -> bool:
        now = histories(there)
        return "8866" in now[first.id] and "8866" not in now[second.id]

    await wait_until(added)


async def test_the_same_fault_in_another_thread_joins(there: Town, mail: FakeMail) -> None:
    order, _ = await opened(there, mail, mail.compose("anna", FAULT, "空调坏了"))
    await mail.lay(raw(mail.compose("bert", FAULT, "空调还没好")))
    await there.until_shown("customer:bert", lambda s: order.number in s.text)
    assert len(await there.orders()) == 1


async def test_attachments_are_kept_with_the_work_order(there: Town, mail: FakeMail) -> None:
    message = mail.compose("anna", FAULT)
    message.add_attachment(PNG, maintype="application", subtype="x-msdownload", filename="照片.exe")
    order, _ = await opened(there, mail, message)
    (media,) = order.media
    assert (media.kind, media.mime, media.name) == ("image", "image/png", "照片.exe")
    found = await there.parts.store.blobs.get(media.blob)
    assert found is not None
    assert found[0] == PNG


async def test_machines_and_we_ourselves_are_never_answered(there: Town, mail: FakeMail) -> None:
    order, told = await opened(there, mail, mail.compose("anna", FAULT))
    machines = [
        mail.compose(
            "away", "我出差了，空调不制冷", "自动回复: 报修", Auto_Submitted="auto-replied"
        ),
        mail.compose("list", OTHER, List_Id="<l.example.com>"),
        mail.compose("ex", OTHER, X_Auto_Response_Suppress="All"),
    ]
    await mail.lay(*map(raw, machines), raw(told.mail), raw(mail.compose("bert", OTHER)))
    await there.until_shown("customer:bert", lambda s: "WO-" in s.text)
    assert len(await there.orders()) == 2
    assert not [s for s in mail.sent if s.to.split("@")[0] in {"away", "list", "ex", "bx"}]
    assert order


async def test_a_mail_that_cannot_be_read_is_set_aside_and_told(
    there: Town, mail: FakeMail
) -> None:
    await mail.lay(b"From: nobody\r\nSubject: x\r\n\r\nhelp", raw(mail.compose("anna", FAULT)))
    await there.until_order()
    await until_flags(mail, "\\Flagged")
    place = ChatRef("sandbox", "group:supervisors", "group")

    async def told() -> bool:
        company = await there.parts.store.read(TENANT, lambda uow: uow.company)
        where = company.supervisor_groups[0] if company.supervisor_groups else place
        lines = await there.parts.store.read(TENANT, lambda uow: uow.chat_log.lines(where))
        return any("读不了" in line.text for line in lines)

    await wait_until(told)


async def test_a_mail_that_fails_us_again_and_again_is_set_aside(
    there: Town, mail: FakeMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paidan.channels.running.RESTART_AFTER", 0.01)
    monkeypatch.setattr("bots.email.adapter._PAUSE", 0.01)
    failed = 0

    def fail(*_: object) -> None:
        nonlocal failed
        failed += 1
        raise RuntimeError("our own bug")

    with monkeypatch.context() as broken:
        broken.setattr("bots.email.adapter.read", fail)
        await mail.lay(raw(mail.compose("anna", FAULT)))
        await until_flags(mail, "\\Flagged")
    assert failed == 3
    await mail.lay(raw(mail.compose("bert", OTHER)))
    await there.until_shown("customer:bert", lambda s: "WO-" in s.text)


async def test_a_mail_waits_for_a_database_that_takes_nothing(
    there: Town, mail: FakeMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paidan.channels.running.RESTART_AFTER", 0.01)
    refused, keep = 0, SqlInbox.admit

    def full(self: SqlInbox, inbound: Inbound) -> Admitted | None:
        nonlocal refused
        if refused < 7:
            refused += 1
            raise Unavailable(why="the disk is full")
        return keep(self, inbound)

    monkeypatch.setattr(SqlInbox, "admit", full)
    await mail.lay(raw(mail.compose("anna", FAULT)))
    await there.until_shown("customer:anna", lambda s: "WO-" in s.text)
    await until_flags(mail, "\\Seen")
    assert refused == 7


async def test_a_crash_between_keeping_and_marking_does_no_harm(
    there: Town, mail: FakeMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.email.adapter._PAUSE", 0.01)
    put_away = "bots.email.mailbox.Mailbox._put_away"
    with monkeypatch.context() as crashing:

        def crash(*_: object) -> None:
            raise OSError("the line is dead")

        crashing.setattr(put_away, crash)
        await mail.lay(raw(mail.compose("anna", FAULT)))
        await there.until_order()
    await until_flags(mail, "\\Seen")
    assert len(await there.orders()) == 1


async def test_a_lost_connection_and_a_mailbox_built_anew_are_gone_on_with(
    there: Town, mail: FakeMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.email.adapter._PAUSE", 0.01)
    await opened(there, mail, mail.compose("anna", FAULT))
    again = raw(mail.compose("bert", OTHER))
    await mail.hang_up()
    await mail.lay(again)
    await there.until_shown("customer:bert", lambda s: "WO-" in s.text)
    await mail.rebuilt()
    await mail.lay(again, raw(mail.compose("carl", "锦绣苑7栋3单元201空调不制冷，电话13712345679")))
    await there.until_shown("customer:carl", lambda s: "WO-" in s.text)
    assert len(await there.orders()) == 3


async def test_what_lay_there_before_is_not_news(tmp_path: Path) -> None:
    mail = PollingMail()
    mail.settings = {"done": "已处理"}
    await mail.start()
    mail.start = _already  # type: ignore[method-assign]
    await mail.lay(raw(mail.compose("old", OTHER)), ago=3600)
    async with town(mail, Ear(), tmp_path) as there:
        await mail.lay(raw(mail.compose("anna", FAULT)))
        await there.until_shown("customer:anna", lambda s: "WO-" in s.text)
        await until_flags(mail, "\\Seen", "&XfJZBHQG-")
        assert len(await there.orders()) == 1
        assert "\\Seen" not in str(await mail.flags())


async def _already() -> None:
    """The servers run."""


async def test_only_a_vouched_for_sender_is_the_one_we_know(tmp_path: Path) -> None:
    mail = FakeMail()
    mail.settings = {"trusted": "mx.an.cn"}
    async with town(mail, Ear(), tmp_path) as there:
        passed = "mx.an.cn; dmarc=pass header.from=example.com"
        await mail.lay(
            raw(mail.compose("anna", FAULT, Authentication_Results=passed)),
            raw(mail.compose("bert", OTHER)),
        )
        for who in ("anna", "bert"):
            await there.until_shown(f"customer:{who}", lambda s: "WO-" in s.text)
        senders = {r.sender for order in await there.orders() for r in order.reporters}
        assert senders == {"anna@example.com", "unverified:bert@example.com"}


async def test_somebody_who_writes_like_a_machine_is_stopped(
    there: Town, mail: FakeMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.email.adapter.HEARD_IN_AN_HOUR", 2)
    loud = [raw(mail.compose("anna", f"收到第{n}封", f"{n}")) for n in range(6)]
    await mail.lay(*loud, raw(mail.compose("bert", OTHER)))
    await there.until_shown("customer:bert", lambda s: "WO-" in s.text)
    known = await there.parts.store.read(TENANT, lambda uow: uow.inbox.get(4))
    assert known is None


# --- speaking ---------------------------------------------------------------------------------


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(f"sqlite:///{tmp_path / 'p.db'}", tmp_path / "blobs") as found:
        yield found


@pytest.fixture
async def alone(store: SqlStore) -> AsyncIterator[tuple[FakeMail, Any]]:
    """The channel without the house."""
    mail = FakeMail()
    await mail.start()
    async with ClientSession() as http:
        channels = Channels(email=mail.section())
        adapter = plug(channels, TENANT, store, http, _deaf)["email"]
        yield mail, adapter
        await adapter.close()
    await mail.stop()


async def _deaf(_: object) -> None:
    return None


def words(text: str, key: str = "k1", chat: str = "anna@example.com") -> Outgoing:
    return Outgoing(TENANT, ChatRef("email", chat), text, key)


async def test_a_key_is_handed_over_once(alone: tuple[FakeMail, Any]) -> None:
    mail, adapter = alone
    first, again = await adapter.send(words("你好")), await adapter.send(words("你好"))
    assert first.message_id == again.message_id
    assert len(mail.sent) == 1


async def test_an_answer_that_is_lost_leaves_it_open_and_the_id_the_same(
    alone: tuple[FakeMail, Any],
) -> None:
    mail, adapter = alone
    mail.answers.append("keep and drop")
    with pytest.raises(Anomalous):
        await adapter.send(words("你好"))
    receipt = await adapter.send(words("你好"))
    assert [str(s.mail["Message-ID"]) for s in mail.sent] == [receipt.message_id] * 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("451 4.7.1 greylisted", Retry),
        ("452 4.2.2 mailbox full", Retry),
        ("550 5.1.1 no such user anna@example.com", Refused),
        ("554 5.7.1 spam", Refused),
    ],
)
async def test_what_a_server_says_is_understood(
    alone: tuple[FakeMail, Any], answer: str, kind: type[Exception]
) -> None:
    mail, adapter = alone
    mail.answers.append(answer)
    with pytest.raises(kind) as refusal:
        await adapter.send(words("你好"))
    assert answer[:3] in str(refusal.value)
    assert "@" not in str(refusal.value)
    assert mail.sent == []


async def notices_of(there: Town, order: Any) -> list[Any]:
    queued = there.parts.store.outbox_audit(TENANT)
    return [q for q in queued if q.notice.order_id == order.id and q.notice.to.channel == "email"]


@pytest.mark.parametrize("whole", [True, False])
async def test_a_mail_that_comes_back_stands_on_its_work_order_and_can_be_sent_again(
    there: Town, mail: FakeMail, whole: bool
) -> None:
    order, told = await opened(there, mail, mail.compose("anna", FAULT))
    await mail.lay(mail.bounce(told, whole=whole))

    async def dead() -> list[Any]:
        return [q for q in await notices_of(there, order) if q.state == "dead"]

    (lost, *_) = await wait_until(dead)
    assert "5.1.1" in lost.error
    assert "User unknown" in lost.error
    assert "anna@" not in lost.error
    shown = await there.until_told(lambda s: "没有送达" in s.text, "group:supervisors")
    assert "5.1.1" in shown.text
    assert len(await there.orders()) == 1
    before = len(mail.mails("anna"))
    await there.parts.store.transact(TENANT, lambda uow: uow.outbox.retry(lost.id))

    async def again() -> bool:
        return len(mail.mails("anna")) > before

    await wait_until(again)


@pytest.mark.parametrize("action", ["delayed", "relayed"])
async def test_a_mail_that_is_only_late_is_not_lost(
    there: Town, mail: FakeMail, action: str
) -> None:
    order, told = await opened(there, mail, mail.compose("anna", FAULT))
    await mail.lay(mail.bounce(told, action))
    await mail.lay(raw(mail.reply("anna", "门锁密码是8866", told)))

    async def heard() -> bool:
        return "8866" in histories(there)[order.id]

    await wait_until(heard)
    assert [q.state for q in await notices_of(there, order) if q.state == "dead"] == []
    assert len(await there.orders()) == 1


async def test_a_report_on_a_mail_that_is_not_ours_changes_nothing(
    there: Town, mail: FakeMail
) -> None:
    order, told = await opened(there, mail, mail.compose("anna", FAULT))
    real = str(told.mail["Message-ID"])
    forged = mail.bounce(told).replace(real.encode(), b"<paidan.0.%s@example.com>" % (b"0" * 32))
    await mail.lay(forged)
    await mail.lay(raw(mail.reply("anna", "门锁密码是8866", told)))

    async def heard() -> bool:
        return "8866" in histories(there)[order.id]

    await wait_until(heard)
    assert [q.state for q in await notices_of(there, order) if q.state == "dead"] == []


async def test_who_is_not_let_in_any_more_is_refused_as_an_account(
    alone: tuple[FakeMail, Any],
) -> None:
    mail, adapter = alone
    mail.password = "changed by its owner"
    with pytest.raises(Barred, match="535"):
        await adapter.send(words("你好"))


@pytest.mark.parametrize("to", ["anna", "a@b", "a@b.cn\r\nBcc: x@y.cn", "a@b.cn,c@d.cn", ""])
async def test_what_is_no_address_is_refused(alone: tuple[FakeMail, Any], to: str) -> None:
    mail, adapter = alone
    with pytest.raises(Refused):
        await adapter.send(words("你好", chat=to))
    assert mail.sent == []


async def test_nobody_writes_headers_or_markup_of_ours(alone: tuple[FakeMail, Any]) -> None:
    mail, adapter = alone
    await adapter.send(words("你好\r\nBcc: x@y.cn\r\n\r\n<script>alert(1)</script>"))
    (sent,) = mail.sent
    assert sent.mail["Bcc"] is None
    assert sent.mail["Subject"] == "你好"
    assert "<script>" not in sent.page
    assert "&lt;script&gt;" in sent.page
    assert "<script>" in sent.text


async def test_news_we_begin_with_is_one_thread_a_work_order(alone: tuple[FakeMail, Any]) -> None:
    mail, adapter = alone
    for n, number in enumerate(("WO-20261123-0001", "WO-20261123-0001", "WO-20261123-0002")):
        await adapter.send(words(f"{number} 有新进展", f"k{n}"))
    roots = [str(sent.mail["References"]) for sent in mail.sent]
    assert roots[0] == roots[1] != roots[2]
    assert mail.sent[0].mail["Subject"] == mail.sent[1].mail["Subject"] == "工单 WO-20261123-0001"


async def test_where_nobody_listens_it_is_tried_again(alone: tuple[FakeMail, Any]) -> None:
    mail, adapter = alone
    mail._outgoing.close()
    adapter._postman._port = unreachable_port()
    with pytest.raises(Retry):
        await adapter.send(words("你好"))


# --- safety and health ------------------------------------------------------------------------


def test_passwords_go_in_the_clear_on_this_machine_alone() -> None:
    assert MailServer(host="127.0.0.1", security="none").security == "none"
    assert MailServer(host="mail.lan", security="none", insecure=True).insecure
    with pytest.raises(ValueError, match="insecure"):
        MailServer(host="mail.lan", security="none")


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate for localhost, and the file that makes it trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, secret = folder / "cert.pem", folder / "key.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted, secret)
    return context, trusted


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("trusted", [True, False])
async def test_both_ways_of_tls_work_and_a_strange_certificate_does_not(
    security: Security,
    trusted: bool,
    store: SqlStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context, file = certificate(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    mail = FakeMail((security, context))
    await mail.start()
    async with ClientSession() as http:
        adapter = plug(Channels(email=mail.section()), TENANT, store, http, _deaf)["email"]
        codes = {finding.code for finding in await adapter.check()}
    await mail.stop()
    good = {"email_idle", "email_smtp_ok"}
    assert (codes >= good) if trusted else not (codes & good)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "email_idle"),
        ({"password": "wrong"}, "email_login"),
        ({"password": "wrong"}, "email_smtp_refused"),
        ({"trusted": "mx.an.cn"}, "email_trusted"),
        ({"imap": MailServer(host="127.0.0.1", port=1, security="none")}, "email_mailbox"),
        ({"smtp": MailServer(host="127.0.0.1", port=1, security="none")}, "email_smtp"),
    ],
)
async def test_the_doctor_says_what_is_wrong(
    change: dict[str, Any], code: str, store: SqlStore
) -> None:
    mail = FakeMail()
    await mail.start()
    async with ClientSession() as http:
        section = Email.model_validate({**mail.section().model_dump(), **change})
        adapter = plug(Channels(email=section), TENANT, store, http, _deaf)["email"]
        found = {finding.code for finding in await adapter.check()}
    await mail.stop()
    assert code in found
    assert set(Email.words) >= found


def test_settings_name_it(tmp_path: Path) -> None:
    assert not Settings(data_dir=tmp_path).channels.email.on
