"""Answers and refusals in words: from a code and its facts to a notice for one chat."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from bots.degrade import neutralise
from notifier.buttons import short
from notifier.masking import mask_text
from notifier.wording import Words, known, templates
from workflow.errors import PaidanError
from workflow.records import Action, Button, Card, Facts, Notice, Reply, Urgency
from workflow.taxonomy import FAULT_TYPES

TZ = "Asia/Shanghai"
_TIMES = frozenset({"at", "again_at", "deadline", "until"})
_LABEL = 9
_STAFF = frozenset({"engineer", "supervisor", "admin"})


def word(reply: Reply, now: datetime, tz: str = TZ) -> Notice:
    """The answer as a notice, in the reader's language and time zone.

    Its key is made of the chat, the instant and what is said; whoever may give the same answer to
    two messages at the same instant puts a key of the message in its place.

    Raises:
        KeyError: a reply code without words.
    """
    words = Words(known(reply.locale), tz, now)
    facts = _facts(reply.data, words)
    text = _TEXTS.get(reply.code, _plain)(reply, facts, words)
    return Notice(
        key=_key(reply, now),
        kind=f"reply.{reply.code}",
        to=reply.to,
        urgency=Urgency.REPLY,
        text=text,
        why=f"reply:{reply.code}",
        order_id=reply.order_id,
        person=reply.person,
        role=reply.role,
        mentions=reply.mentions if reply.to.kind == "group" else (),
        card=_card(reply, text, words),
    )


def refusal(error: PaidanError, locale: str, now: datetime, tz: str = TZ) -> str:
    """A refusal in plain words; every error of ``workflow.errors`` has some."""
    words = Words(known(locale), tz, now)
    if error.code == "stale_ticket":
        return _stale(_facts(error.data, words), error.data, words)
    return _refused(error.code, error.data, words)


# --- facts ------------------------------------------------------------------------------------


def _facts(data: Facts, words: Words) -> dict[str, object]:
    """The facts as templates want them: instants parsed, codes named, words harmless."""
    facts: dict[str, object] = {}
    for name, value in data.items():
        if name in _TIMES:
            facts[name] = _instant(value)
        elif isinstance(value, str):
            facts[name] = neutralise(mask_text(value)) if name != "url" else value
        elif isinstance(value, int | float | datetime) and not isinstance(value, bool):
            facts[name] = value
    if "state" in data:
        facts["state"] = _state(data, words)
    if "fault_type" in data:
        own = str(data.get("own_fault") or "")
        facts["fault"] = own or _fault(data["fault_type"], words)
    facts["short"] = short(str(data.get("number", "")))
    return facts


def _instant(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def _state(data: Facts, words: Words) -> str:
    outcome, sub, state = (str(data.get(k) or "") for k in ("outcome", "sub", "state"))
    if state == "closed" and outcome:
        return words.label("outcome", outcome)
    if state.startswith("case_"):
        return words.label("reply.decision", state)
    return words.label("sub", sub) if sub else words.label("state", state)


def _fault(fault_type: object, words: Words) -> str:
    names = FAULT_TYPES.get(str(fault_type))
    return names[words.locale == "en"] if names else ""


def _rows(found: object) -> Iterator[Facts]:
    for row in found if isinstance(found, list | tuple) else ():
        if isinstance(row, Mapping):
            yield row


# --- texts ------------------------------------------------------------------------------------


def _plain(reply: Reply, facts: dict[str, object], words: Words) -> str:
    return words.say(f"reply.{reply.code}", **facts)


def _by_side(reply: Reply, facts: dict[str, object], words: Words) -> str:
    """Colleagues and customers are told different things."""
    side = "staff" if reply.role in _STAFF else "customer"
    return words.say(f"reply.{reply.code}.{side}", **facts)


def _listing(line: str, key: str) -> Callable[[Reply, dict[str, object], Words], str]:
    """A text with one line for each row of ``data[key]``."""

    def text(reply: Reply, facts: dict[str, object], words: Words) -> str:
        rows = [_row(line, n, row, words) for n, row in enumerate(_rows(reply.data.get(key)), 1)]
        empty = f"reply.{reply.code}_none"
        if not rows and empty in templates(words.locale):
            return words.say(empty, **facts)
        return words.say(f"reply.{reply.code}", **{**facts, "lines": "\n".join(rows)})

    return text


def _row(line: str, n: int, row: Facts, words: Words) -> str:
    facts = _facts(row, words)
    about = (facts.get("fault"), facts.get("place"))
    what = " ".join(str(part) for part in about if part)
    return words.say(f"reply.{line}", **{"what": what, **facts, "n": n})


def _contacts(reply: Reply, facts: dict[str, object], words: Words) -> str:
    """One line a colleague. A whole number is for one pair of eyes; in a group it is masked."""
    rows = []
    for row in _rows(reply.data.get("people")):
        shown = _facts(row, words)
        if reply.to.kind == "direct":
            shown["phone"] = row.get("phone")
        shown["role"] = words.maybe(f"reply.contacts_{row.get('role')}")
        shown["duty"] = words.say("reply.contacts_on" if row.get("on") else "reply.contacts_off")
        rows.append(words.say("reply.contacts_line", **shown))
    if not rows:
        return words.say("reply.contacts_none", **facts)
    return words.say("reply.contacts", **{**facts, "lines": "\n".join(rows)})


def _knowledge(reply: Reply, facts: dict[str, object], words: Words) -> str:
    """The best article in full, the others by title."""
    rows = list(_rows(reply.data.get("articles")))
    if not rows:
        return words.say("reply.knowledge_none", **facts)
    first, *others = rows
    lines = [words.say("reply.knowledge_first", title=first.get("title"), steps=first.get("steps"))]
    titles = [str(row.get("title")) for row in others]
    if titles:
        lines.append(words.say("reply.knowledge_more", items=titles))
    return words.say("reply.knowledge", lines="\n".join(lines))


def _advice(reply: Reply, facts: dict[str, object], words: Words) -> str:
    """Parts, time, money and wording of like repairs; what is not known is left out."""
    data = reply.data
    if not data.get("count"):
        return words.say("reply.advice_none", **facts)
    parts = [words.say("reply.advice_part", name=p[0], n=p[1], many=p[2]) for p in _lists(data)]
    rows = []
    for row in _rows(data.get("repairs")):
        used = [words.say("card.part", name=p[0], n=p[1]) for p in _lists(row)]
        rows.append(words.say("reply.advice_line", **{**_facts(row, words), "parts": used}))
    return words.say(
        "reply.advice",
        **{
            **facts,
            "parts": parts,
            "minutes": _range("reply.advice_minutes", data.get("minutes"), words),
            "cost": _range("reply.advice_cost", data.get("cost"), words),
            "lines": "\n".join(rows),
        },
    )


def _lists(data: Facts) -> list[Sequence[object]]:
    listed = data.get("parts")
    return list(listed) if isinstance(listed, list | tuple) else []


def _wordings(data: Facts) -> list[str]:
    listed = data.get("wordings")
    return [str(text) for text in listed] if isinstance(listed, list | tuple) else []


def _range(code: str, found: object, words: Words) -> str:
    """The middle, and between what it lay; nothing when nothing is known."""
    if not isinstance(found, list | tuple) or len(found) != 3:  # noqa: PLR2004  # low, middle, high
        return ""
    low, middle, high = (round(float(amount)) for amount in found)
    wide = low != high
    return words.say(
        code, middle=str(middle), low=str(low) if wide else "", high=str(high) if wide else ""
    )


def _done(reply: Reply, facts: dict[str, object], words: Words) -> str:
    what = words.label("reply.what", reply.data.get("what", ""))
    return words.say("reply.done", **{**facts, "what": what})


def _kept(_reply: Reply, facts: dict[str, object], words: Words) -> str:
    code = "reply.kept_others" if facts.get("others") else "reply.kept"
    return words.say(code, **facts)


def _case_decided(reply: Reply, facts: dict[str, object], words: Words) -> str:
    if reply.role == "customer":
        code = "case_apology" if facts.get("text") else "case_apology_plain"
        return words.say(f"reply.{code}", **facts)
    decision = words.label("reply.decision", reply.data.get("decision", ""))
    return words.say("reply.case_decided", **{**facts, "decision": decision})


def _stale_reply(reply: Reply, facts: dict[str, object], words: Words) -> str:
    return _stale(facts, reply.data, words)


def _stale(facts: dict[str, object], data: Facts, words: Words) -> str:
    """Who was first, and when: 「手慢了，已被王工接单 10:02」."""
    state, by = str(data.get("state", "")), data.get("by")
    if state.startswith("case_"):
        how = "decided"
    elif state == "closed":
        how = "closed"
    elif data.get("mine"):
        how = "mine"
    elif by:
        how = "offered" if state == "dispatched" else "taken"
    else:
        how = "moved"
    return words.say(f"reply.stale.{how}", **facts)


def _refused_reply(reply: Reply, _facts: dict[str, object], words: Words) -> str:
    return _refused(str(reply.data.get("error", "")), reply.data, words)


def _refused(code: str, data: Facts, words: Words) -> str:
    facts = _facts(data, words)
    move = data.get("move")
    if move:
        missing = data.get("missing")
        facts["move"] = words.label("move", move)
        facts["missing"] = words.label("move", missing) if missing else ""
        code = _illegal(code, data)
    if code == "not_allowed":
        needs = f"not_allowed_{data.get('needs', '')}"
        code = needs if f"refused.{needs}" in templates(words.locale) else code
    if code == "invalid_input":
        facts["field"] = words.label("slot", data.get("field", ""))
        facts["allowed"] = words.label("allowed", data.get("allowed") or "")
        code = "invalid_input" if data.get("found") else "invalid_input_empty"
    return words.maybe(f"refused.{code}", **facts) or words.say("refused.error")


def _illegal(code: str, data: Facts) -> str:
    if code != "illegal_move":
        return code
    if data.get("already"):
        return "illegal_move_already"
    return "illegal_move_missing" if data.get("missing") else code


_TEXTS: Mapping[str, Callable[[Reply, dict[str, object], Words], str]] = {
    "help": _by_side,
    "bound": _by_side,
    "progress": _listing("progress_line", "orders"),
    "which_order": _listing("which_line", "choices"),
    "offer_split": _listing("split_line", "parts"),
    "staff_progress": _listing("staff_line", "orders"),
    "contacts": _contacts,
    "presets": _listing("presets_line", "presets"),
    "knowledge": _knowledge,
    "advice": _advice,
    "done": _done,
    "kept": _kept,
    "case_decided": _case_decided,
    "stale": _stale_reply,
    "refused": _refused_reply,
}


# --- buttons ----------------------------------------------------------------------------------


def _card(reply: Reply, text: str, words: Words) -> Card | None:
    """A small card where the answer is a question with buttons."""
    buttons = _BUTTONS.get(reply.code, _none)(reply, words)
    if not buttons:
        return None
    title = str(reply.data.get("number") or words.say(f"reply.title.{reply.code}"))
    return Card(
        key=f"ask:{reply.code}:{reply.order_id or ''}", title=title, body=text, buttons=buttons
    )


def _none(_reply: Reply, _words: Words) -> tuple[Button, ...]:
    return ()


def _pair(
    first: str, second: str, style: str = "primary"
) -> Callable[[Reply, Words], tuple[Button, ...]]:
    """Two ways to answer, about the reply's own work order."""

    def buttons(reply: Reply, words: Words) -> tuple[Button, ...]:
        args = {"parts": _pairs(reply)} if first == "split" else {}
        order = reply.order_id or ""
        yes = words.say(f"button.{first}")
        no = words.say(f"button.{second}")
        firm = Button(yes, Action(first, order, args=args), "danger", command=yes)
        if style == "primary":
            firm = Button(yes, Action(first, order, args=args), "primary", command=yes)
        return (firm, Button(no, Action(second, order), command=no))

    return buttons


def _pairs(reply: Reply) -> list[list[str]]:
    rows = _rows(reply.data.get("parts"))
    return [[str(row.get("text", "")), str(row.get("fault_type", ""))] for row in rows]


def _which(reply: Reply, words: Words) -> tuple[Button, ...]:
    """One button for each work order it may be; pressing does what was asked."""
    do = str(reply.data.get("what", ""))
    return tuple(
        Button(
            words.say("button.which", number=row.get("number", "")),
            Action(do, str(row.get("id", ""))),
            command=short(str(row.get("number", ""))),
        )
        for row in _rows(reply.data.get("choices"))
        if row.get("id") and do
    )


def _helped(reply: Reply, words: Words) -> tuple[Button, ...]:
    """Whether the article helped; the press is about the question's case."""
    case = str(reply.data.get("case") or "")
    yes, no = words.say("button.case_helped"), words.say("button.case_unhelped")
    return (
        Button(yes, Action("case_helped", case), "primary", command=yes),
        Button(no, Action("case_unhelped", case), command=no),
    )


def _use_wording(reply: Reply, words: Words) -> tuple[Button, ...]:
    """One tap completes with these words, where completing is the next step."""
    if not reply.data.get("can_complete") or reply.order_id is None:
        return ()
    generation = reply.data.get("generation")
    return tuple(
        Button(
            words.say(
                "button.use_wording", text=text if len(text) <= _LABEL else f"{text[:_LABEL]}…"
            ),
            Action(
                "complete",
                reply.order_id,
                expect=str(reply.data.get("state") or ""),
                generation=generation if isinstance(generation, int) else None,
                args={"text": text},
            ),
            command=words.say("command.staff.complete", short=short(str(reply.data.get("number"))))
            + f" {text}",
        )
        for text in _wordings(reply.data)
    )


_BUTTONS: Mapping[str, Callable[[Reply, Words], tuple[Button, ...]]] = {
    "confirm_cancel": _pair("confirm_cancel", "keep", "danger"),
    "offer_split": _pair("split", "keep_together"),
    "which_order": _which,
    "article": _helped,
    "advice": _use_wording,
}


def _key(reply: Reply, now: datetime) -> str:
    said: Sequence[object] = [reply.code, reply.order_id, dict(reply.data)]
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"reply:{reply.to.channel}/{reply.to.chat}:{now.timestamp():.6f}:{digest}"
