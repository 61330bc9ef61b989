"""The customers of a running network, as its banks list them, and what they are good for in a test or a demo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lab.read.rest import BankRest

DEMO_PIN: Final = "1234"


@dataclass(frozen=True, slots=True)
class Key:
    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Customer:
    bank_code: str
    account_number: str
    name: str
    status: str
    balance_centavos: int
    keys: tuple[Key, ...]

    @property
    def is_active(self) -> bool:
        return self.status == "active"


class Population:
    """The customers of every bank. Raises LookupError when a bank has no customer of the wanted kind."""

    def __init__(self, customers: Mapping[str, Sequence[Customer]]) -> None:
        self.customers = customers

    @classmethod
    def of(cls, banks: Mapping[str, BankRest]) -> Population:
        """Asks the banks, given by code. Raises `Unreachable`."""
        return cls({code: read_customers(code, bank) for code, bank in banks.items()})

    @property
    def codes(self) -> list[str]:
        return list(self.customers)

    def rich(self, code: str) -> Customer:
        """The active customer with a key and the most money."""
        return max(self._with_keys(code), key=lambda customer: customer.balance_centavos)

    def friends(self, code: str) -> list[Customer]:
        """Those beside the rich one who can be paid; the broke stay broke."""
        rich = self.rich(code)
        return [each for each in self._with_keys(code) if each is not rich and each.balance_centavos > 0]

    def broke(self, code: str) -> Customer:
        return self._first(code, lambda customer: customer.is_active and customer.balance_centavos == 0)

    def blocked(self, code: str) -> Customer:
        return self._first(code, lambda customer: customer.status == "blocked" and bool(customer.keys))

    def closed(self, code: str) -> Customer:
        return self._first(code, lambda customer: customer.status == "closed" and bool(customer.keys))

    def owner(self, key: Key) -> Customer:
        """The customer who has registered the key."""
        for customers in self.customers.values():
            for customer in customers:
                if key in customer.keys:
                    return customer
        raise LookupError(f"No customer has the key {key.key}.")

    def _with_keys(self, code: str) -> list[Customer]:
        return [customer for customer in self.customers[code] if customer.is_active and customer.keys]

    def _first(self, code: str, wanted: Callable[[Customer], bool]) -> Customer:
        for customer in self.customers[code]:
            if wanted(customer):
                return customer
        raise LookupError(f"Bank {code} has no such customer.")


def read_customers(code: str, bank: BankRest) -> list[Customer]:
    return [
        Customer(
            bank_code=code,
            account_number=account["number"],
            name=account["holder_name"],
            status=account["status"],
            balance_centavos=account["balance_centavos"],
            keys=tuple(Key(entry["kind"], entry["key"]) for entry in bank.keys_of(account["number"])),
        )
        for account in bank.accounts()
    ]
