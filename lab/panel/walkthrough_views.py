"""The classroom's views for its template: the messages so far, their fields, and the changes of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from lab.classroom.steps import Actor
from lab.classroom.walkthrough import AccountFacts, Facts, ObservedMessage, PostingFacts, SideFacts, WalkthroughState
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
    name: str
    text: str
    amount_centavos: int | None = None
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ArrowView:
    """A message between two of the three: columns 1 payer's bank, 2 hub, 3 payee's bank."""

    name: str
    first_column: int
    points_right: bool
    is_new: bool
    fields: Sequence[FieldView]


@dataclass(frozen=True, slots=True)
class AmountView:
    name: str
    centavos: int
    gained_centavos: int


@dataclass(frozen=True, slots=True)
class SideView:
    title: str
    subtitle: str
    mark: Mark
    status: str
    reason: str
    is_acting: bool
    amounts: Sequence[AmountView]
    postings: Sequence[PostingFacts] = ()
    old_postings: int = 0
    """So many of them are of earlier steps."""


def arrow_view(observed: ObservedMessage, now: int) -> ArrowView:
    message = observed.message
    from_hub = observed.sender == HUB
    name = type(message).__name__
    if name in ("TransferOffered", "TransferAccepted", "TransferRejected"):
        is_payers = False
    else:
        is_payers = getattr(message, "side", Side.PAYER) is Side.PAYER
    # From the hub to the right is the payee's bank, to the left the payer's; and back.
    points_right = from_hub is not is_payers
    return ArrowView(name, 1 if is_payers else 2, points_right, observed.step == now, field_views(message))


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


def side_views(state: WalkthroughState, language: Language) -> list[SideView]:
    facts = state.facts
    if facts is None:
        return []
    before = state.before or facts
    return [
        _bank_view(state, facts.payer, before.payer, Actor.PAYER, translate(language, "payer"), language),
        _hub_view(state, facts, before, language),
        _bank_view(state, facts.payee, before.payee, Actor.PAYEE, translate(language, "payee"), language),
    ]


def _bank_view(
    state: WalkthroughState, side: SideFacts, before: SideFacts, actor: Actor, role: str, language: Language
) -> SideView:
    amounts = (
        (side.customer, side.balance_centavos, before.balance_centavos),
        (translate(language, "clearing account"), side.clearing_centavos, before.clearing_centavos),
        (translate(language, "settlement, in the bank's books"), side.settlement_centavos, before.settlement_centavos),
    )
    return SideView(
        title=side.name,
        subtitle=role,
        mark=bank_mark(side.code, side.color),
        status=side.status,
        reason=side.reason,
        is_acting=state.step.actor is actor,
        amounts=[AmountView(name, now, now - then) for name, now, then in amounts],
        postings=side.postings,
        old_postings=len(before.postings),
    )


def _hub_view(state: WalkthroughState, facts: Facts, before: Facts, language: Language) -> SideView:
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
        is_acting=state.step.actor is Actor.HUB,
        amounts=amounts,
    )


def _account_views(name: str, account: AccountFacts, then: AccountFacts, language: Language) -> list[AmountView]:
    reserved = f"{name}, {translate(language, 'reserved')}"
    return [
        AmountView(name, account.balance_centavos, account.balance_centavos - then.balance_centavos),
        AmountView(reserved, account.reserved_centavos, account.reserved_centavos - then.reserved_centavos),
    ]
