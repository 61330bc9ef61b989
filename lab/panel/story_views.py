"""What the classroom shows, ready for its template: the messages so far, their fields, and what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from lab.classroom.director import AccountFacts, Facts, Heard, SideFacts, Story
from lab.classroom.script import STEPS, Act, Actor, Scene
from lab.panel.views import Mark, bank_mark
from pix.scheme.deliveries import HUB
from pix.scheme.keys import PixKey
from pix.scheme.messages import Party, Side
from pix.web.languages import Language, translate
from pix.web.marks import translatable

CENTAVOS: Final = "_centavos"
MILLISECONDS: Final = "_ms"

PROTOCOL: Final[Sequence[tuple[int, str, str]]] = (
    (1, translatable("payer's bank → hub"), "TransferRequested"),
    (2, translatable("hub → payee's bank"), "TransferOffered"),
    (3, translatable("payee's bank → hub"), "TransferAccepted | TransferRejected"),
    (4, translatable("hub → both banks"), "TransferConfirmed | TransferFailed"),
    (5, translatable("each bank → hub"), "OutcomeProcessed"),
    (6, translatable("the hub"), ""),
)
"""The rows of the protocol table: number, who, message."""

POSTING_NAMES: Final[Mapping[str, str]] = {
    "payment": translatable("customer debited"),
    "settlement_out": translatable("clearing settled"),
    "credit": translatable("customer credited"),
    "refund": translatable("customer refunded"),
}


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field of a message: a text, an amount or a time."""

    name: str
    text: str
    amount_centavos: int | None = None
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ArrowView:
    """A message between two of the three: columns 1 payer's bank, 2 hub, 3 payee's bank."""

    name: str
    first_column: int
    last_column: int
    points_right: bool
    is_new: bool
    fields: Sequence[FieldView]


@dataclass(frozen=True, slots=True)
class AmountView:
    """A balance, and what it has gained in this step."""

    name: str
    centavos: int
    gained_centavos: int


@dataclass(frozen=True, slots=True)
class PostingView:
    """A line of a bank's books."""

    name: str
    debit_account: str
    credit_account: str
    amount_centavos: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class SideView:
    """One of the three, with its money."""

    title: str
    subtitle: str
    mark: Mark
    status: str
    reason: str
    is_acting: bool
    amounts: Sequence[AmountView]
    postings: Sequence[PostingView]


def arrow_views(story: Story) -> list[ArrowView]:
    """Every message of this act, in the order in which it was said."""
    return [_arrow(heard, story.number) for heard in story.heard]


def _arrow(heard: Heard, now: int) -> ArrowView:
    message = heard.message
    from_hub = heard.sender == HUB
    name = type(message).__name__
    if name in ("TransferOffered", "TransferAccepted", "TransferRejected"):
        is_payers = False
    else:
        is_payers = getattr(message, "side", Side.PAYER) is Side.PAYER
    first, last = (1, 2) if is_payers else (2, 3)
    # From the hub to the right is the payee's bank, to the left the payer's; and back.
    points_right = from_hub is not is_payers
    return ArrowView(name, first, last, points_right, heard.step == now, field_views(message))


def field_views(message: Any) -> list[FieldView]:
    """Each field of a message, with those of its parties in one line."""
    return [_field(each.name, getattr(message, each.name)) for each in fields(message)]


def _field(name: str, value: Any) -> FieldView:
    if name.endswith(CENTAVOS):
        return FieldView(name, str(value), amount_centavos=value)
    if name.endswith(MILLISECONDS):
        return FieldView(name, str(value), at_ms=value)
    if isinstance(value, Party):
        return FieldView(
            name, f"{value.name} · {value.ispb} · {value.branch}/{value.account_number} · {value.tax_id_masked}"
        )
    if isinstance(value, PixKey):
        return FieldView(name, f"{value.key} ({value.kind})")
    if is_dataclass(value):
        return FieldView(name, repr(value))
    return FieldView(name, "–" if value in (None, "") else str(value))


def side_views(story: Story, language: Language) -> list[SideView]:
    """The payer's bank, the hub, the payee's bank."""
    facts = story.facts
    if facts is None:
        return []
    before = story.before or facts
    return [
        _bank_view(story, facts.payer, before.payer, Actor.PAYER, translate(language, "payer"), language),
        _hub_view(story, facts, before, language),
        _bank_view(story, facts.payee, before.payee, Actor.PAYEE, translate(language, "payee"), language),
    ]


def _bank_view(
    story: Story, side: SideFacts, before: SideFacts, actor: Actor, role: str, language: Language
) -> SideView:
    amounts = (
        (side.customer, side.balance_centavos, before.balance_centavos),
        (translate(language, "clearing account"), side.clearing_centavos, before.clearing_centavos),
        (translate(language, "settlement, in the bank's books"), side.settlement_centavos, before.settlement_centavos),
    )
    old = len(before.postings)
    return SideView(
        title=side.name,
        subtitle=role,
        mark=bank_mark(side.code, side.color),
        status=side.status,
        reason=side.reason,
        is_acting=story.step.actor is actor,
        amounts=[AmountView(name, now, now - then) for name, now, then in amounts],
        postings=[
            PostingView(
                translate(language, POSTING_NAMES.get(line.kind, line.kind)),
                line.debit_account,
                line.credit_account,
                line.amount_centavos,
                number >= old,
            )
            for number, line in enumerate(side.postings)
        ],
    )


def _hub_view(story: Story, facts: Facts, before: Facts, language: Language) -> SideView:
    amounts = []
    for side, account, then in zip((facts.payer, facts.payee), facts.hub.accounts, before.hub.accounts, strict=True):
        amounts += _account_views(side.name, account, then, language)
    status = facts.hub.status
    if status == "failed" and facts.hub.is_closed:
        status = "closed"
    return SideView(
        title=translate(language, "The hub"),
        subtitle=translate(language, "settlement accounts"),
        mark=Mark(icon="gauge"),
        status=status,
        reason=facts.hub.reason,
        is_acting=story.step.actor is Actor.HUB,
        amounts=amounts,
        postings=[],
    )


def _account_views(name: str, account: AccountFacts, then: AccountFacts, language: Language) -> list[AmountView]:
    reserved = f"{name}, {translate(language, 'reserved')}"
    return [
        AmountView(name, account.balance_centavos, account.balance_centavos - then.balance_centavos),
        AmountView(reserved, account.reserved_centavos, account.reserved_centavos - then.reserved_centavos),
    ]


def progress(story: Story) -> tuple[int, int]:
    """The number of the step within its act, from 1, and how many there are."""
    of_act = [number for number, step in enumerate(STEPS) if step.act is story.step.act]
    return of_act.index(story.number) + 1, len(of_act)


def act_number(story: Story) -> int:
    """1 or 2."""
    return list(Act).index(story.step.act) + 1


def next_title(story: Story) -> str:
    """What the next step is called; empty at the end."""
    return "" if story.is_over else STEPS[story.number + 1].title


def is_audit(story: Story) -> bool:
    """Whether the step shows the audit."""
    return story.step.scene is Scene.AUDIT
