"""Rules as data: clocks, ladder, dispatch, intake, notices. Read from YAML, versioned, immutable.

A running work order keeps the version it started with. Durations are ``timedelta`` (YAML: ``90s``,
``15m``, ``4h``, ``3d``). Priorities are ``P0``, ``P1``, ``P2``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from workflow.clocks import ClockPolicy

ClockName = Literal["first_response", "arrival", "resolution"]
RungAct = Literal[
    "next_person",
    "remind_handler",
    "warn_supervisor",
    "backup_takeover",
    "next_level",
    "mark_stalled",
]
Until = Literal["first_responded", "accepted", "arrived", "completed", "moved"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder.

    ``after`` counts on the calendar of ``clock`` from the moment that clock started; or, with
    ``percent``, at that share of the clock's target. ``until`` names what makes it unnecessary:
    ``moved`` measures from the last movement of the work order instead of its start.
    ``repeat`` does it again each so often while still needed. ``loud`` rungs ignore quiet hours;
    ``sms`` ones also go to the phones of the supervisors they speak to, by short message.
    """

    id: str
    act: RungAct
    clock: ClockName = "first_response"
    after: timedelta | None = None
    percent: int | None = None
    until: Until = "first_responded"
    priorities: tuple[str, ...] = ("P0", "P1", "P2")
    repeat: timedelta | None = None
    loud: bool = False
    sms: bool = False


@dataclass(frozen=True, slots=True)
class VipRule:
    """VIP customers with a fault of these priorities get only engineers whose last ``last``
    ratings are all at least ``at_least``; none such → the next tier, on the record.
    """

    priorities: tuple[str, ...] = ("P0",)
    last: int = 3
    at_least: float = 4.9


@dataclass(frozen=True, slots=True)
class DispatchPolicy:
    """Weights of the score (points), limits, and how long an offer stands."""

    weights: Mapping[str, float] = field(
        default_factory=lambda: {
            "skill": 30.0,
            "load": 30.0,
            "distance": 20.0,
            "history": 10.0,
            "rating": 10.0,
        }
    )
    max_load: int = 8
    accept_within: Mapping[str, timedelta] = field(
        default_factory=lambda: {
            "P0": timedelta(seconds=60),
            "P1": timedelta(minutes=5),
            "P2": timedelta(minutes=30),
        }
    )
    vip: VipRule = field(default_factory=VipRule)


@dataclass(frozen=True, slots=True)
class IntakePolicy:
    """What a report must say before it is complete, and how reports join.

    ``required`` lists slots by fault type (``*`` for the rest): ``phone``, ``place``, ``serial``,
    ``symptom``, ``screenshot``. ``serial_pattern`` is a regular expression a serial must match.
    """

    required: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"*": ("symptom", "place", "phone")}
    )
    serial_pattern: str = r"[A-Za-z]{1,4}-?[0-9][A-Za-z0-9-]{2,23}"
    phone_pattern: str = r"1[3-9][0-9]{9}"
    cannot_reproduce: tuple[str, ...] = ("无法复现", "没法复现", "复现不了", "偶尔出现", "时好时坏")
    join_window: timedelta = timedelta(hours=24)
    follow_text_window: timedelta = timedelta(minutes=30)
    remind_info_after: timedelta = timedelta(minutes=30)
    dispatch_anyway_after: timedelta = timedelta(hours=4)
    nudge_window: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local wall-clock hours (``HH:MM``) in which only loud notices are sent."""

    start: str = "22:00"
    end: str = "07:30"


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """How much one person is disturbed, and when not. ``sms``: a customer whom no chat reaches is
    told by short message.
    """

    quiet: QuietHours = field(default_factory=QuietHours)
    per_person_per_hour: int = 20
    stale_reminder_after: timedelta = timedelta(minutes=30)
    sms: bool = False


@dataclass(frozen=True, slots=True)
class ClosingPolicy:
    """What happens after the work is done."""

    auto_close_after: timedelta = timedelta(hours=48)
    follow_up_after: timedelta = timedelta(days=3)
    follow_up: bool = True
    follow_up_priorities: tuple[str, ...] = ("P0", "P1")


@dataclass(frozen=True, slots=True)
class SurgePolicy:
    """When many reports of one kind are a surge, and what their reporters are told.

    ``window`` is the time looked at. ``minimum`` people in it and a probability below ``tail``
    (below ``busy_tail`` where more than one report a window is usual) make a surge; so do
    ``cluster_reporters`` people saying alike what is seldom said, below ``busy_tail`` too.
    ``margin`` multiplies the usual rate, which is learnt from ``history`` with old days halved
    every ``half_life``. Until ``warm_up`` has passed only error codes are watched. A surge takes
    further reports while each comes within ``lasts`` of the one before; after its end the same is
    quiet for ``quiet_period``. ``scripts`` are prepared answers by error code, fault type, or
    ``*``; ``{number}``, ``{parent}`` and ``{count}`` stand in them.
    """

    enabled: bool = True
    window: timedelta = timedelta(minutes=30)
    minimum: int = 3
    tail: float = 1e-4
    busy_tail: float = 1e-6
    cluster_reporters: int = 3
    margin: float = 1.2
    history: timedelta = timedelta(days=56)
    half_life: timedelta = timedelta(days=14)
    warm_up: timedelta = timedelta(days=3)
    lasts: timedelta = timedelta(hours=24)
    quiet_period: timedelta = timedelta(hours=6)
    scripts: Mapping[str, str] = field(
        default_factory=lambda: {
            "*": "您反映的情况已经查明有多位客户同时遇到，我们正在统一处理，恢复后第一时间告诉您。"
            "给您带来不便，非常抱歉。"
        }
    )


@dataclass(frozen=True, slots=True)
class SupervisionPolicy:
    """When an open work order is put under supervision (督办): a customer's mood from ``emotion``
    (1–5) up, or, with ``complaint``, words of complaint.
    """

    enabled: bool = True
    emotion: int = 4
    complaint: bool = True


@dataclass(frozen=True, slots=True)
class HoldReason:
    """Why work waits; ``pauses`` says whether the clocks stand still."""

    code: str
    label: str
    pauses: bool = True


@dataclass(frozen=True)
class Policy:
    """All rules of one version. ``version`` is the content's name: equal rules, equal version."""

    version: str
    clocks: ClockPolicy
    ladder: tuple[Rung, ...]
    golden_window: timedelta = timedelta(minutes=15)
    golden_warning: timedelta = timedelta(minutes=3)
    dispatch: DispatchPolicy = field(default_factory=DispatchPolicy)
    intake: IntakePolicy = field(default_factory=IntakePolicy)
    notices: NoticePolicy = field(default_factory=NoticePolicy)
    closing: ClosingPolicy = field(default_factory=ClosingPolicy)
    surge: SurgePolicy = field(default_factory=SurgePolicy)
    self_service: bool = True
    """A P2 report that an article answers is given to its reporter to try first."""
    self_service_wait: timedelta = timedelta(minutes=30)
    """How long it is left to them before somebody is looked for; the clocks run meanwhile."""
    supervision: SupervisionPolicy = field(default_factory=SupervisionPolicy)
    hold_reasons: tuple[HoldReason, ...] = (
        HoldReason("waiting_parts", "等配件"),
        HoldReason("waiting_customer", "等客户"),
        HoldReason("waiting_third_party", "等第三方", pauses=False),
        HoldReason("safety", "现场安全条件不具备"),
    )
