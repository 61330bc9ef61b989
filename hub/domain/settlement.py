"""The settlement accounts: each bank's money at the hub, with its reserved balance and its available balance."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from enum import StrEnum

from pix.scheme.values import value_object


@value_object
class SettlementAccount:
    """A bank's account of record. `0 <= reserved <= balance`, always; centavos."""

    ispb: str
    balance_centavos: int
    reserved_centavos: int

    @property
    def available_centavos(self) -> int:
        return self.balance_centavos - self.reserved_centavos


@value_object
class AccountChange:
    """By how much an account's money becomes more, or less; centavos."""

    ispb: str
    balance_centavos: int
    reserved_centavos: int


@value_object
class Funding:
    """Money that a bank's operator put into its settlement account (positive) or took out (negative)."""

    funding_id: str
    ispb: str
    amount_centavos: int
    funded_at_ms: int


class MovementKind(StrEnum):
    RESERVE = "reserve"
    """Money of the bank that gives it is promised to this row."""
    RELEASE = "release"
    """The promise is taken back."""
    SETTLE = "settle"
    """The promised money goes to the other bank."""


@value_object
class Movement:
    kind: MovementKind
    from_ispb: str
    """The bank whose money is reserved: of a transfer the payer's, of a return the payee's."""
    to_ispb: str
    amount_centavos: int


def apply_movement(accounts: MutableMapping[str, SettlementAccount], movement: Movement) -> None:
    """Applies a movement to the accounts in place, keyed by ISPB. Both banks may be the same one."""
    giver, amount = accounts[movement.from_ispb], movement.amount_centavos
    balance, reserved = giver.balance_centavos, giver.reserved_centavos
    if movement.kind is MovementKind.RESERVE:
        accounts[giver.ispb] = SettlementAccount(giver.ispb, balance, reserved + amount)
        return
    if movement.kind is MovementKind.RELEASE:
        accounts[giver.ispb] = SettlementAccount(giver.ispb, balance, reserved - amount)
        return
    accounts[giver.ispb] = SettlementAccount(giver.ispb, balance - amount, reserved - amount)
    taker = accounts[movement.to_ispb]
    accounts[taker.ispb] = SettlementAccount(taker.ispb, taker.balance_centavos + amount, taker.reserved_centavos)


def changes_of(before: Mapping[str, SettlementAccount], after: Mapping[str, SettlementAccount]) -> list[AccountChange]:
    """What has become of the accounts, in the order of their ISPBs; those that are as they were are left out."""
    return [
        AccountChange(
            ispb,
            account.balance_centavos - before[ispb].balance_centavos,
            account.reserved_centavos - before[ispb].reserved_centavos,
        )
        for ispb, account in sorted(after.items())
        if account != before[ispb]
    ]
