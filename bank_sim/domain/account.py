"""Customers' accounts and their keys."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from bank_sim.domain.errors import (
    AccountBlocked,
    AccountClosed,
    AccountHasTransfers,
    AccountNotEmpty,
    InsufficientBalance,
)
from bank_sim.domain.limits import Limit
from pix.scheme.errors import SchemeError
from pix.scheme.keys import PixKey
from pix.scheme.messages import Party
from pix.scheme.people import HolderKind, format_tax_id, mask_tax_id
from pix.scheme.values import replacing, value_object

BRANCH: Final = "0001"
"""A bank of the simulator has one branch."""

ACCOUNT_SERIAL_MAX: Final = 999_999
PIN_LENGTH_MIN: Final = 4
PIN_LENGTH_MAX: Final = 6


class AccountStatus(StrEnum):
    """What an account may do: an active one everything, a blocked one nothing, a closed one nothing ever again."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    CLOSED = "closed"


@value_object
class Account:
    """A customer's account. `number` is six digits, a hyphen and a check digit; `tax_id` is in stored form."""

    number: str
    holder_name: str
    holder_kind: HolderKind
    tax_id: str
    status: AccountStatus
    balance_centavos: int
    opened_at_ms: int
    branch: str = BRANCH
    limits: tuple[Limit, ...] = ()
    """Those that the customer has set, at most one of a kind."""

    @property
    def tax_id_masked(self) -> str:
        return mask_tax_id(self.tax_id)

    def as_party(self, ispb: str) -> Party:
        return Party(ispb, self.branch, self.number, self.holder_name, self.tax_id_masked)

    @property
    def is_active(self) -> bool:
        return self.status is AccountStatus.ACTIVE

    def check_may_act(self) -> None:
        """Raises AccountBlocked or AccountClosed unless the account is active."""
        if self.status is AccountStatus.BLOCKED:
            raise AccountBlocked
        if self.status is AccountStatus.CLOSED:
            raise AccountClosed

    def debited(self, amount_centavos: int) -> Account:
        self.check_may_act()
        if amount_centavos > self.balance_centavos:
            raise InsufficientBalance
        return _replaced(self, balance_centavos=self.balance_centavos - amount_centavos)

    def credited(self, amount_centavos: int) -> Account:
        """The account after a credit. Whatever its status: money that has been decided on is never refused here."""
        return _replaced(self, balance_centavos=self.balance_centavos + amount_centavos)

    def blocked(self) -> Account:
        """The account, blocked; blocking twice changes nothing. Raises AccountClosed."""
        if self.status is AccountStatus.CLOSED:
            raise AccountClosed
        return _replaced(self, status=AccountStatus.BLOCKED)

    def unblocked(self) -> Account:
        """The account, active again. Raises AccountClosed."""
        if self.status is AccountStatus.CLOSED:
            raise AccountClosed
        return _replaced(self, status=AccountStatus.ACTIVE)

    def closed(self, has_unfinished_transfers: bool) -> Account:
        """The account, closed for ever; closing twice changes nothing.

        A promise to credit pins the account, and so does money on its way out, which may come back. Raises
        AccountNotEmpty, AccountHasTransfers.
        """
        if self.balance_centavos != 0:
            raise AccountNotEmpty
        if has_unfinished_transfers:
            raise AccountHasTransfers
        return _replaced(self, status=AccountStatus.CLOSED)


_replaced: Final = replacing(Account)


@value_object
class AccountKey:
    """A key that pays into an account. `registered_at_ms` is the hub's time."""

    account_number: str
    key: PixKey
    registered_at_ms: int


@value_object
class Payee:
    """Who is paid, as the payer sees it before confirming: found by a key, or typed (MANU)."""

    key: PixKey | None
    """None for a payee whom the payer typed."""
    name: str
    tax_id_masked: str
    holder_kind: HolderKind
    ispb: str
    bank_code: str
    bank_name: str
    branch: str = ""
    """With the number, as the payer typed it; empty for one who was found by a key."""
    account_number: str = ""
    tax_id: str = ""
    """In full, as the payer typed it; empty where only the masked one is known."""

    @property
    def shown_tax_id(self) -> str:
        """With its punctuation, in full where the payer typed it."""
        return format_tax_id(self.tax_id) if self.tax_id else self.tax_id_masked

    @property
    def typed(self) -> Party | None:
        """The account that the payer typed; None for a payee who was found by a key."""
        if self.key is not None:
            return None
        return Party(self.ispb, self.branch, self.account_number, self.name, self.tax_id_masked)


def account_number(serial: int) -> str:
    """The account number of a serial from 1 to 999,999: six digits and a mod-11 check digit, `100001-7`."""
    if not 1 <= serial <= ACCOUNT_SERIAL_MAX:
        raise ValueError(f"an account's serial is 1 to {ACCOUNT_SERIAL_MAX}, not {serial}")
    digits = f"{serial:06d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(7, 1, -1), strict=True))
    return f"{digits}-{(11 - total % 11) % 11 % 10}"


def check_pin(pin: str) -> str:
    """Return the PIN if it is 4 to 6 digits. Raises SchemeError(field="pin")."""
    if not (PIN_LENGTH_MIN <= len(pin) <= PIN_LENGTH_MAX and pin.isascii() and pin.isdigit()):
        raise SchemeError("pin", f"Use {PIN_LENGTH_MIN} to {PIN_LENGTH_MAX} digits.")
    return pin
