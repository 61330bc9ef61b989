"""What a payment is between its steps, as it travels in signed tokens that belong to one account.

The draft keeps what a BR Code has fixed apart from what the payer has typed: the payer may change the latter alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bank_sim.domain.account import Payee
from bank_sim.domain.schedules.calendar import PlanOrder
from bank_sim.entrypoints.http.plan_form import plan_as_token, plan_of_token
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.people import HolderKind
from pix.web.sessions import TokenRefused, Tokens


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """What a BR Code says of the payment; what it leaves out is None, or an empty text."""

    amount_centavos: int | None = None
    description: str = ""
    txid: str = ""
    location: str = ""
    """Of a dynamic code; empty of a static one."""

    def as_token(self) -> list[Any]:
        return [self.amount_centavos, self.description, self.txid, self.location]


NO_CODE: Final = CodeFacts()


@dataclass(frozen=True, slots=True)
class PayeeDraft:
    """Whom to pay, as looked up; what a BR Code has fixed; and the amount and the message that the form begins with."""

    payee: Payee
    account_number: str
    amount_centavos: int | None = None
    description: str = ""
    code: CodeFacts = NO_CODE
    initiation: Initiation = Initiation.DICT

    def as_token(self) -> list[Any]:
        payee = self.payee
        return [
            self.account_number,
            [] if payee.key is None else [payee.key.kind.value, payee.key.key],
            [payee.name, payee.tax_id_masked, payee.holder_kind.value, payee.tax_id],
            [payee.ispb, payee.bank_code, payee.bank_name, payee.branch, payee.account_number],
            self.amount_centavos,
            self.description,
            self.code.as_token(),
            self.initiation.value,
        ]


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """A payment that only wants to be confirmed."""

    payee: PayeeDraft
    amount_centavos: int
    description: str
    idempotency_key: str
    plan: PlanOrder | None = None
    """The days to pay on; None is at once."""

    def as_token(self) -> list[Any]:
        plan = plan_as_token(self.plan)
        return [self.payee.as_token(), self.amount_centavos, self.description, self.idempotency_key, plan]


def read_payee(tokens: Tokens, token: str, account_number: str) -> PayeeDraft:
    """The draft that this account has signed. Raises TokenRefused."""
    return _payee(tokens.read(token), account_number)


def read_order(tokens: Tokens, token: str, account_number: str) -> OrderDraft:
    """The draft that this account has signed. Raises TokenRefused."""
    try:
        payee, amount_centavos, description, idempotency_key, plan = tokens.read(token)
        order = plan_of_token(plan)
    except ValueError:
        raise TokenRefused from None
    return OrderDraft(_payee(payee, account_number), amount_centavos, description, idempotency_key, order)


def _payee(value: Any, account_number: str) -> PayeeDraft:
    try:
        owner, key, (name, tax_id_masked, holder_kind, tax_id), bank, amount_centavos, description, code, by = value
        ispb, bank_code, bank_name, branch, account = bank
    except ValueError:
        # Signed by an earlier version of the bank.
        raise TokenRefused from None
    if owner != account_number:
        raise TokenRefused
    payee = Payee(
        key=PixKey(KeyKind(key[0]), key[1]) if key else None,
        name=name,
        tax_id_masked=tax_id_masked,
        holder_kind=HolderKind(holder_kind),
        ispb=ispb,
        bank_code=bank_code,
        bank_name=bank_name,
        branch=branch,
        account_number=account,
        tax_id=tax_id,
    )
    return PayeeDraft(payee, owner, amount_centavos, description, CodeFacts(*code), Initiation(by))
