"""The table of rules of a bank: match → action, as data. The first enabled rule of a kind that fits counts.

The switches of a bank are the last answer rule, which fits every offer, and the magic amounts are rules before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.sandbox.bounds import IN_SECONDS_MAX, TIMES_MAX
from bank_sim.domain.webhooks.faults import FaultPlan, WebhookFault
from pix.scheme.errors import SchemeError
from pix.scheme.money import AMOUNT_CENTAVOS_MAX, check_amount
from pix.scheme.reasons import PAYEE_BANK_REASONS, ReasonCode
from pix.scheme.values import value_object

RULES_MAX: Final = 500
MATCH_LENGTH_MAX: Final = 77
POSITION_MAX: Final = 9_999
"""Of a rule that a test makes."""
POSITION_DEFAULT: Final = 100
MAGIC_POSITION: Final = 1_000
SWITCHES_POSITION: Final = 10_000
SWITCHES_ID: Final = "switches"
READING_ID: Final = "reading"


class RuleKind(StrEnum):
    """What a rule decides."""

    ANSWER = "answer"
    """The answer to an offer, of a transfer to this bank or of a return."""
    PAYER = "payer"
    """What a payer of this bank does with a charge that is made here."""
    WEBHOOK = "webhook"
    """How the delivery of a notice fails."""
    READING = "reading"
    """Whether this bank reads what the hub sends."""


class RuleSource(StrEnum):
    TEST = "test"
    MAGIC = "magic"
    """A magic amount."""
    SWITCH = "switch"
    """A switch of the bank: it can be changed, not removed."""


@value_object
class Subject:
    """What a rule is matched with: an offer, a charge, or a notice. What it lacks is empty."""

    amount_centavos: int
    txid: str = ""
    key: str = ""
    account_number: str = ""
    """This bank's customer's."""


@value_object
class Match:
    """What a rule fits; what is empty fits all. A txid or a key that ends with `*` fits all that begin with it."""

    amount_centavos: int | None = None
    from_centavos: int | None = None
    to_centavos: int | None = None
    txid: str = ""
    key: str = ""
    account_number: str = ""

    def __post_init__(self) -> None:
        """Raises SchemeError(field="match.…")."""
        for name in ("amount_centavos", "from_centavos", "to_centavos"):
            amount = getattr(self, name)
            if amount is not None and not 0 < amount <= AMOUNT_CENTAVOS_MAX:
                raise SchemeError(f"match.{name}", f"An amount is 1 to {AMOUNT_CENTAVOS_MAX} centavos.")
        for name in ("txid", "key", "account_number"):
            if len(getattr(self, name)) > MATCH_LENGTH_MAX:
                raise SchemeError(f"match.{name}", f"It has at most {MATCH_LENGTH_MAX} characters.")

    def fits(self, subject: Subject) -> bool:
        return (
            self.amount_centavos in (None, subject.amount_centavos)
            and (self.from_centavos is None or subject.amount_centavos >= self.from_centavos)
            and (self.to_centavos is None or subject.amount_centavos <= self.to_centavos)
            and _text_fits(self.txid, subject.txid)
            and _text_fits(self.key, subject.key)
            and self.account_number in ("", subject.account_number)
        )


@value_object
class AnswerAction:
    """The answer to an offer. A bank that accepts by account still rejects what the rules of the scheme reject."""

    mode: AnswerMode = AnswerMode.BY_ACCOUNT
    reason: ReasonCode | None = None
    """Of the mode `reject`."""
    delay_ms: int = 0
    style: AnswerStyle = AnswerStyle.ONCE

    def __post_init__(self) -> None:
        """Raises SchemeError(field="action.reason" | "action.delay_ms")."""
        if self.mode is AnswerMode.REJECT and self.reason is None:
            raise SchemeError("action.reason", "The mode reject needs a reason code.")
        if self.reason is not None and self.reason not in PAYEE_BANK_REASONS:
            raise SchemeError("action.reason", "Only the hub gives this reason code, not a payee's bank.")
        if not 0 <= self.delay_ms <= ANSWER_DELAY_MS_MAX:
            raise SchemeError("action.delay_ms", f"The delay must be 0 to {ANSWER_DELAY_MS_MAX} milliseconds.")


@value_object
class PayerAction:
    """What a payer does with a charge: as `PlanOrder` has it."""

    pays: bool = True
    """False: it is not paid."""
    after_seconds: int = 0
    after_expiry: bool = False
    amount_centavos: int | None = None
    times: int = 1
    by_another_person: bool = False
    payer: str = ""

    def __post_init__(self) -> None:
        """Raises SchemeError(field="action.…")."""
        if not 0 <= self.after_seconds <= IN_SECONDS_MAX:
            raise SchemeError("action.after_seconds", f"A payment can wait 0 to {IN_SECONDS_MAX} seconds.")
        if self.amount_centavos is not None:
            check_amount(self.amount_centavos)
        if not 1 <= self.times <= TIMES_MAX:
            raise SchemeError("action.times", f"A code can be paid 1 to {TIMES_MAX} times.")


@value_object
class ReadingAction:
    """Whether the bank reads what the hub sends; otherwise it plays one that is down."""

    reads: bool = True


Action = AnswerAction | PayerAction | ReadingAction | FaultPlan

ACTIONS: Final[Mapping[RuleKind, type[Action]]] = MappingProxyType(
    {
        RuleKind.ANSWER: AnswerAction,
        RuleKind.PAYER: PayerAction,
        RuleKind.WEBHOOK: FaultPlan,
        RuleKind.READING: ReadingAction,
    }
)


@value_object
class Rule:
    rule_id: str
    kind: RuleKind
    action: Action
    match: Match = Match()
    position: int = POSITION_DEFAULT
    """Lower ones are tried first; of equal ones the lower id."""
    enabled: bool = True
    source: RuleSource = RuleSource.TEST

    def __post_init__(self) -> None:
        """Raises SchemeError(field="action" | "position")."""
        if not isinstance(self.action, ACTIONS[self.kind]):
            raise SchemeError("action", f"The action does not belong to a rule of the kind {self.kind}.")
        if not 0 <= self.position <= (POSITION_MAX if self.source is RuleSource.TEST else SWITCHES_POSITION):
            raise SchemeError("position", f"A position is 0 to {POSITION_MAX}.")

    @property
    def order(self) -> tuple[int, str]:
        return self.position, self.rule_id


def first_fit(rules: Iterable[Rule], kind: RuleKind, subject: Subject) -> Rule | None:
    """The rule that counts; `rules` are in their order."""
    return next((rule for rule in rules if rule.enabled and rule.kind is kind and rule.match.fits(subject)), None)


def _text_fits(wanted: str, text: str) -> bool:
    if wanted.endswith("*"):
        return text.startswith(wanted[:-1])
    return wanted in ("", text)


_REJECTED: Final[Mapping[int, ReasonCode]] = MappingProxyType(
    {
        2: ReasonCode.SL02,
        3: ReasonCode.AC03,
        4: ReasonCode.RR04,
        5: ReasonCode.ED05,
        6: ReasonCode.AC06,
        7: ReasonCode.AC07,
        9: ReasonCode.AM09,
        14: ReasonCode.AC14,
        17: ReasonCode.BE17,
    }
)
BEHAVIOURS_CACHED_MAX: Final = 32
"""A bank has few, and each offer asks for the table."""
MAGIC_ACTIONS: Final[Mapping[int, AnswerAction]] = MappingProxyType(
    {
        **{amount: AnswerAction(AnswerMode.REJECT, reason) for amount, reason in _REJECTED.items()},
        20: AnswerAction(AnswerMode.SILENT),
        21: AnswerAction(delay_ms=10_000),
        22: AnswerAction(style=AnswerStyle.TWICE),
        23: AnswerAction(style=AnswerStyle.YES_AND_NO),
    }
)
"""The magic amounts, in centavos, as a new bank has them in its table."""


def magic_rules(*, enabled: bool) -> list[Rule]:
    return [
        Rule(
            f"magic-{amount:04d}",
            RuleKind.ANSWER,
            action,
            Match(amount_centavos=amount),
            MAGIC_POSITION,
            enabled,
            RuleSource.MAGIC,
        )
        for amount, action in MAGIC_ACTIONS.items()
    ]


def switch_rules(behaviour: Behaviour) -> list[Rule]:
    """The rules that the switches are."""
    action = AnswerAction(behaviour.mode, behaviour.reject_reason, behaviour.answer_delay_ms, behaviour.answer_style)
    return [
        Rule(SWITCHES_ID, RuleKind.ANSWER, action, Match(), SWITCHES_POSITION, source=RuleSource.SWITCH),
        Rule(
            READING_ID,
            RuleKind.READING,
            ReadingAction(behaviour.consuming),
            Match(),
            SWITCHES_POSITION,
            source=RuleSource.SWITCH,
        ),
    ]


@lru_cache(maxsize=BEHAVIOURS_CACHED_MAX)
def standard_rules(behaviour: Behaviour) -> tuple[Rule, ...]:
    """The table of a bank without rules of a test."""
    return tuple(
        sorted((*magic_rules(enabled=behaviour.magic_amounts), *switch_rules(behaviour)), key=lambda rule: rule.order)
    )


@lru_cache(maxsize=64)
def standard_answers(behaviour: Behaviour) -> tuple[Rule, ...]:
    """The enabled answer rules of such a bank; kept, since every offer asks for them."""
    return tuple(rule for rule in standard_rules(behaviour) if rule.enabled and rule.kind is RuleKind.ANSWER)


def behaviour_of(rules: Sequence[Rule]) -> Behaviour:
    """The switches as these rules, in their order, have them; the honest default where the table is empty."""
    by_id = {rule.rule_id: rule for rule in rules}
    switches, reading = by_id.get(SWITCHES_ID), by_id.get(READING_ID)
    if switches is None or not isinstance(switches.action, AnswerAction):
        return Behaviour()
    answer = switches.action
    return Behaviour(
        mode=answer.mode,
        reject_reason=answer.reason or ReasonCode.ED05,
        answer_delay_ms=answer.delay_ms,
        answer_style=answer.style,
        magic_amounts=any(rule.enabled for rule in rules if rule.source is RuleSource.MAGIC),
        consuming=reading is None or not isinstance(reading.action, ReadingAction) or reading.action.reads,
        rules=tuple(rule for rule in rules if rule.enabled and rule.kind is RuleKind.ANSWER),
    )


def with_switches(rules: Sequence[Rule], behaviour: Behaviour) -> list[Rule]:
    """The rules to store so that a table with these ones has the switches; those of a test stay."""
    magic = [replace(rule, enabled=behaviour.magic_amounts) for rule in rules if rule.source is RuleSource.MAGIC]
    if not any(rule.source is RuleSource.SWITCH for rule in rules):
        magic = magic_rules(enabled=behaviour.magic_amounts)
    return [*magic, *switch_rules(behaviour)]


def as_plain(value: Match | Action) -> dict[str, Any]:
    """The fields, without those that have their default."""
    optional = {each.name: each.default for each in fields(value)}
    return {name: each for name, each in asdict(value).items() if each != optional[name]}


def action_of(kind: RuleKind, plain: Mapping[str, Any]) -> Action:
    """What `as_plain` has made of an action. Raises TypeError, ValueError and SchemeError for anything else."""
    made: dict[str, Any] = dict(plain)
    if kind is RuleKind.WEBHOOK:
        made["fault"] = WebhookFault(made["fault"])
    if kind is RuleKind.ANSWER:
        if "mode" in made:
            made["mode"] = AnswerMode(made["mode"])
        if made.get("reason") is not None:
            made["reason"] = ReasonCode(made["reason"])
        if "style" in made:
            made["style"] = AnswerStyle(made["style"])
    return ACTIONS[kind](**made)
