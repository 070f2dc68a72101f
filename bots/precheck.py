"""预检: what a report says so far, what it still must say, and what an answer adds.

Everything is pure. Slots are ``phone``, ``place``, ``serial``, ``symptom``, ``screenshot``; which
of them a fault type needs is policy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field

from bots.readings import facts
from bots.situation import Situation
from workflow.commands import Details
from workflow.joining.families import symptoms
from workflow.joining.places import folded
from workflow.policy import IntakePolicy
from workflow.records import Facts, Media, Understanding
from workflow.vocabulary import spell_out
from workflow.work_order import WorkOrder

VAGUE = frozenset({"other", "none", ""})
"""Fault types that say nothing of the fault."""

_LANDLINE = re.compile(r"0\d{2,3}\d{7,8}\d{0,6}|[48]00\d{7}")
_DIGITS = re.compile(r"[+]?\d[\d\s-]{2,20}\d")
_NUMBER = re.compile(r"[+]?(?:\d[\s-]*){7,}")
"""No place, but perhaps a phone number with a digit too few."""
_FILLER = re.compile(
    r"你好|您好|师傅|在吗|在不在|有人吗|我要|我想|需要|报修|维修|修理|修一下|修下|修|麻烦|请|帮忙|"
    r"帮|看看|看一下|看下|处理|一下|安排|派人|派个人|过来|来人|来|上门|谢谢|问题|有点|我们|我家|"
    r"这里|这边|那个|这个|我|你们|的|了|呢|啊|吧|呀|吗|在|电话|手机号?|地址|联系人?|是|人|一个|个"
)
_NO_WORD = re.compile(r"[\W\d_]+")
_BROKEN = re.compile(
    r"坏|失灵|故障|报警|跳[机闸]|不[转动亮热冷响灵开关走行通出能会工]|没[水电网气反]|[停断掉]了|裂"
    r"|(?<!地)漏|堵"
)
_DANGER = re.compile(
    r"(?<![没未无])(?<!没有)(?<!不是)"
    r"(?:[煤燃]气.{0,3}[漏泄味]|漏[煤燃]?气|着火|起火|冒烟|冒火|被困|困人|触电|漏电|爆炸)"
)
_NO_PLACE = re.compile(
    r"不知道|不清楚|不晓得|忘了|随便|没有|什么|怎么|多久|几点|快点?来|赶紧|赶快|着急|急死|马上|人呢|[?？]"
)
_CORRECTS = re.compile(
    r"^\s*(不对|不是|错了|说错|写错|打错|更正|改成|改为|应该是|是说)|说错了|写错了|打错了"
)
_AFTER_CORRECTION = re.compile(r"(?:应该是|改成|改为|而是|是|换成)\s*(.{1,60})$")
_MENDED = frozenset({"device", "location"})
"""Facts whose misheard words are put right; names, numbers and codes stay as they were heard."""
_LABELS = re.compile(r"^(地址|位置|地点|电话|手机号?|联系电话|编号|序列号|是|在)\s*[:：是]?\s*")
_BUILDING = re.compile(r"[栋幢座]|号楼|单元")
_ROOM_LENGTH = 12
_MAX_PLACE = 60


def details(s: Situation, media: tuple[Media, ...] = ()) -> Details:
    """A report's facts: from its words first, then the asset, then what we know of the customer.

    ``media`` are pictures that were sent just before the words.
    """
    heard, asset, customer = s.understanding, s.asset, s.customer
    site = asset.site if asset else customer.site if customer else None
    place = spell_out(_value(heard, "location"), s.company.vocabulary, "place")
    device = spell_out(_value(heard, "device"), s.company.vocabulary, "device")
    fault = fault_type(s)
    return Details(
        text=s.text,
        fault_type=fault,
        subtype=s.company.taxonomy.subtype_of(fault, f"{s.text} {device}"),
        priority=heard.priority.label,
        emotion=int(heard.emotion.label),
        symptom=symptom(heard),
        place=_placed(place, site.name if site else ""),
        region=site.region if site else "",
        device=device or (asset.name if asset else ""),
        serial=asset.serial if asset else serial(s.text, heard, s.policy.intake),
        error_code=_value(heard, "error_code"),
        phone=phone(s) or (customer.phone if customer else "") or _owner_phone(s),
        contact=_value(heard, "name") or (customer.name if customer else ""),
        when=_value(heard, "time"),
        asset_id=asset.id if asset else "",
        customer_id=s.owner.id if s.owner else customer.id if customer else "",
        media=(*media, *s.inbound.media),
        understanding=facts(heard),
    )


def fault_type(s: Situation) -> str:
    """What the words say for sure; else the asset decides, and without one it is ``other``."""
    heard = s.understanding.fault_type.label
    sure = "fault_type" not in s.understanding.abstained and heard not in VAGUE
    if s.asset is not None and s.asset.fault_type and not (sure and _overrules(s, heard)):
        return s.asset.fault_type
    return "other" if heard in VAGUE else heard


def _overrules(s: Situation, heard: str) -> bool:
    """Gas and fire always; another fault only on the page of an asset, where understanding knew
    the asset and still heard something else.
    """
    return heard == "gas_fire" or bool(s.inbound.asset)


def symptom(heard: Understanding) -> str:
    """What is left of the words without places, numbers, names and politeness; empty if nothing.

    「报修 3号楼201 空调」 has none, 「空调不制冷」 has one.
    """
    left = _without(heard, {"phone", "serial", "location", "time", "name", "device"})
    if len(left) >= 2 or heard.first("error_code"):  # noqa: PLR2004  # 坏了, 漏水
        return left
    return (left or heard.text) if sounds_broken(heard.meant()) else ""


def grave(s: Situation) -> bool:
    """Danger, or something that smells of it: gas and fire."""
    heard = s.understanding
    danger = heard.priority.label == "P0" and "priority" not in heard.abstained
    danger = danger or sounds_dangerous(s.said)
    return danger or (_typed(heard) and heard.fault_type.label == "gas_fire")


def names_fault(s: Situation) -> bool:
    """Whether it is clear what kind of thing is wrong, and that it matters."""
    return grave(s) or (_typed(s.understanding) and s.understanding.priority.label == "P1")


def _typed(heard: Understanding) -> bool:
    return "fault_type" not in heard.abstained and heard.fault_type.label not in VAGUE


def tells_fault(heard: Understanding) -> bool:
    """Whether a message is surely a report with a symptom of its own."""
    sure = heard.intent.label == "report" and "intent" not in heard.abstained
    return sure and _typed(heard) and sounds_broken(heard.text)


def sounds_broken(text: str) -> bool:
    """Whether the words name something wrong: 堵了, 不亮, 跳闸."""
    return bool(symptoms(folded(text)) or _BROKEN.search(text))


def sounds_dangerous(text: str) -> bool:
    """Whether the words name danger and do not deny it."""
    return bool(_DANGER.search(folded(text)))


def empty(heard: Understanding) -> bool:
    """Whether a message says that something is to be mended, but neither what nor where."""
    return "修" in heard.text and not heard.entities and not _without(heard, ())


def bare(heard: Understanding) -> bool:
    """Whether a message is nothing but facts: 「8号楼302」「13712345678 周师傅」."""
    every = {entity.kind for entity in heard.entities}
    return bool(every) and not _without(heard, every)


def _without(heard: Understanding, kinds: Collection[str]) -> str:
    """The words left when these entities, politeness and numbers are taken out."""
    left = heard.text
    for entity in sorted(heard.entities, key=lambda e: -e.start):
        if entity.kind in kinds:
            left = left[: entity.start] + " " + left[entity.end :]
    return _NO_WORD.sub("", _FILLER.sub("", left))


def missing(found: Details, policy: IntakePolicy) -> tuple[str, ...]:
    """The slots a report still lacks, in the order they are asked for.

    An emergency waits for nothing; only where it is and whom to call are asked along the way.
    """
    required = policy.required.get(found.fault_type, policy.required.get("*", ()))
    vague = any(word in found.text for word in policy.cannot_reproduce)
    wanted = (*required, "screenshot") if vague and "screenshot" not in required else required
    lacking = tuple(slot for slot in wanted if not _has(found, slot, policy))
    if found.priority == "P0":
        return tuple(slot for slot in ("place", "phone") if slot in lacking)
    return lacking


def _has(found: Details, slot: str, policy: IntakePolicy) -> bool:
    if slot == "screenshot":
        return any(m.kind in {"image", "video"} for m in found.media)
    if slot == "serial":
        return bool(re.fullmatch(policy.serial_pattern, found.serial)) or bool(found.asset_id)
    if slot == "symptom":
        return bool(found.symptom)
    return bool(getattr(found, slot, True))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a message adds to a work order: slots, what remains, and a malformed try.

    ``malformed`` is (slot, what stood there) when the asked slot was answered wrongly.
    """

    slots: Facts = field(default_factory=dict)
    remaining: tuple[str, ...] = ()
    malformed: tuple[str, str] | None = None

    @property
    def useful(self) -> bool:
        """Whether it says anything we can fill in."""
        return bool(self.slots)


def answer(s: Situation, order: WorkOrder, asked: str | None) -> Answer:
    """Read a message as an answer about ``order``; ``asked`` is the slot we asked for last.

    A fact the work order already has is replaced only by a correction (「不对，是 302」) or by a
    message that is nothing but that fact.
    """
    heard, policy = s.understanding, s.policy.intake
    replaces = corrects(s.text) or asked is not None or bare(heard)
    found: dict[str, str] = {
        "phone": phone(s),
        "place": spell_out(_value(heard, "location"), s.company.vocabulary, "place"),
        "serial": serial(s.text, heard, policy),
        "device": spell_out(_value(heard, "device"), s.company.vocabulary, "device"),
        "error_code": _value(heard, "error_code"),
        "contact": _value(heard, "name"),
        "when": _value(heard, "time"),
    }
    if asked == "place" and not found["place"] and not tells_fault(heard):
        found["place"] = _bare_place(s.text)
    if _NUMBER.fullmatch(found["place"]) or _NO_PLACE.search(found["place"]):
        found["place"] = ""
    slots = {
        name: value
        for name, value in found.items()
        if value
        and value != getattr(order, name)
        and (name in order.missing or not getattr(order, name) or replaces)
    }
    slots.update(_what_is_wrong(s, order, asked))
    if any(m.kind in {"image", "video"} for m in s.inbound.media) and "screenshot" in order.missing:
        slots["screenshot"] = "sent"
    remaining = tuple(slot for slot in order.missing if slot not in slots)
    return Answer(slots, remaining, _malformed(s, asked, slots))


def _what_is_wrong(s: Situation, order: WorkOrder, asked: str | None) -> dict[str, str]:
    said = symptom(s.understanding) or (s.text if asked == "symptom" else "")
    if "symptom" not in order.missing or not said:
        return {}
    fault = s.understanding.fault_type.label
    sure = "fault_type" not in s.understanding.abstained and fault not in VAGUE
    return {
        "symptom": said,
        **({"fault_type": fault} if sure and order.fault_type in VAGUE else {}),
    }


def _malformed(s: Situation, asked: str | None, slots: Facts) -> tuple[str, str] | None:
    digits = _DIGITS.search(unicodedata.normalize("NFKC", s.text))
    if asked == "place" and not slots and digits and _NUMBER.fullmatch(s.text.strip()):
        return "phone", digits[0].strip()
    if asked not in {"phone", "serial"} or asked in slots:
        return None
    code = re.search(r"[A-Za-z0-9][A-Za-z0-9-]{2,}", s.text)
    found = digits if asked == "phone" else code
    return (asked, found[0].strip()) if found else None


def corrects(text: str) -> bool:
    """Whether the writer takes something back: 「不对」「说错了」「应该是…」."""
    return bool(_CORRECTS.search(text))


def phone(s: Situation) -> str:
    """A number we can call, digits only; empty when none is well-formed."""
    pattern = s.policy.intake.phone_pattern
    entities = [e.normalized or e.text for e in s.understanding.entities if e.kind == "phone"]
    written = _DIGITS.findall(unicodedata.normalize("NFKC", s.text)) if not entities else []
    for raw in (*entities, *written):
        digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", raw))
        digits = digits.removeprefix("86") if len(digits) > 11 else digits  # noqa: PLR2004  # +86
        if re.fullmatch(pattern, digits) or _LANDLINE.fullmatch(digits):
            return digits
    return ""


def serial(text: str, heard: Understanding, policy: IntakePolicy) -> str:
    """A device number that looks as the policy wants it."""
    for said in heard.values("serial"):
        if re.fullmatch(policy.serial_pattern, said):
            return said
    plain = unicodedata.normalize("NFKC", text).strip()
    whole = _LABELS.sub("", plain)
    return whole if re.fullmatch(policy.serial_pattern, whole) else ""


def _value(heard: Understanding, kind: str) -> str:
    entity = heard.first(kind)
    if entity is None:
        return ""
    if kind == "time":
        return entity.normalized or entity.text
    meant = heard.meant(entity.start, entity.end) if kind in _MENDED else entity.text
    if kind == "device" and meant != entity.text:
        return f"{entity.text}（{meant}）"
    return meant


def _placed(said: str, site: str) -> str:
    """「3楼机房」 of a customer we know is at their site; a whole address stands for itself."""
    if not said or not site:
        return said or site
    whole = len(said) > _ROOM_LENGTH or (_BUILDING.search(said) and _BUILDING.search(site))
    return said if whole or site in said or said in site else f"{site} {said}"


def _owner_phone(s: Situation) -> str:
    return s.owner.phone if s.asset is not None and s.owner is not None else ""


def _bare_place(text: str) -> str:
    """A short answer to 「在哪里？」, without the words around it."""
    plain = text.strip()
    corrected = _AFTER_CORRECTION.search(plain) if corrects(plain) else None
    place = corrected[1] if corrected else _LABELS.sub("", plain)
    place = place.strip(" ，。,.!！了")
    return place if 2 <= len(place) <= _MAX_PLACE and "\n" not in place else ""  # noqa: PLR2004
