"""The load's own customers: accounts with money and a key, opened by REST before the first arrival.

The demo's accounts are too few, and their money is the demo's. Accounts that were opened stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Final
from uuid import uuid4

import httpx
from stdnum.br import cpf

from lab.read.rest import BankRest, Refused

PIN: Final = "4821"
OPENING_DEPOSIT_CENTAVOS: Final = 10_000_00
"""Two thousand of the largest payments; payers are paid as well."""
OPENERS: Final = 6
"""Accounts that are opened at the same time."""
PERSONS_TRIED_MAX: Final = 5
"""Of so many one has a tax id that no account has yet."""
CUSTOMERS_PER_BANK_MIN: Final = 4
KEY_KINDS: Final = ("EMAIL", "PHONE", "CPF", "EVP")
AREA_CODES: Final = (11, 21, 31, 41, 51, 61, 71, 81, 85, 91)
GIVEN_NAMES: Final = (
    "Alice", "Bernardo", "Cecília", "Davi", "Elisa", "Felipe", "Giovana", "Heitor", "Isabela", "João", "Larissa",
    "Miguel", "Natália", "Otávio", "Priscila", "Rafael", "Sofia", "Tiago", "Valentina", "Yasmin",
)  # fmt: skip
FAMILY_NAMES: Final = (
    "Almeida", "Barbosa", "Cardoso", "Duarte", "Esteves", "Ferreira", "Gonçalves", "Lopes", "Martins", "Nogueira",
    "Oliveira", "Pereira", "Queiroz", "Ribeiro", "Santana", "Teixeira", "Vieira",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bank:
    code: str
    ispb: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Customer:
    bank: Bank
    account_number: str
    name: str
    key_kind: str
    key: str


@dataclass(slots=True)
class CustomersOfBank:
    many: list[Customer] = field(default_factory=list)
    poor: list[Customer] = field(default_factory=list)
    """Without a centavo: what they pay is refused."""
    blocked: list[Customer] = field(default_factory=list)
    """Have a key, and cannot be paid."""


class Customers:
    def __init__(self, by_bank: Mapping[str, CustomersOfBank], shares: Mapping[str, float]) -> None:
        """`shares` say how much of what is paid comes from the customers of which bank."""
        self._by_bank = by_bank
        self._codes = list(by_bank)
        self._shares = [shares[code] for code in self._codes]
        self._accounts = {
            (each.bank.ispb, each.account_number) for bank in by_bank.values() for each in [*bank.many, *bank.poor]
        }

    def payer(self, random: Random) -> Customer:
        """Somebody who comes to a bank; most are the first bank's."""
        return random.choice(self._by_bank[self._code(random)].many)

    def poor_payer(self, random: Random) -> Customer:
        """The same, without money."""
        return random.choice(self._by_bank[self._code(random)].poor)

    def payee(self, random: Random, payer: Customer) -> Customer:
        """Somebody else, at any bank alike."""
        return random.choice([each for each in self._by_bank[random.choice(self._codes)].many if each is not payer])

    def blocked_payee(self, random: Random) -> Customer:
        return random.choice(self._by_bank[random.choice(self._codes)].blocked)

    def includes(self, ispb: str, account_number: str) -> bool:
        return (ispb, account_number) in self._accounts

    def _code(self, random: Random) -> str:
        return random.choices(self._codes, self._shares)[0]


def open_accounts(
    banks: Sequence[Bank], shares: Mapping[str, float], count: int, client: httpx.Client, random: Random
) -> Customers:
    """Opens the accounts, so many in all, divided as the visits are. Raises Unreachable and Refused."""
    by_bank = {bank.code: CustomersOfBank() for bank in banks}
    orders = []
    for bank in banks:
        many = max(CUSTOMERS_PER_BANK_MIN, round(count * shares[bank.code]))
        group = by_bank[bank.code]
        orders += [(bank, group.many, number, OPENING_DEPOSIT_CENTAVOS) for number in range(many)]
        orders += [(bank, group.poor, 0, 0), (bank, group.blocked, 0, OPENING_DEPOSIT_CENTAVOS)]
    people = [_person(random) for _ in orders]

    def open_one(order: tuple[Bank, list[Customer], int, int], person: tuple[str, str, str]) -> None:
        bank, group, number, deposit_centavos = order
        rest = BankRest(f"Bank {bank.code}", bank.url, client)
        kind = KEY_KINDS[number % len(KEY_KINDS)]
        group.append(_open(rest, bank, person, kind, deposit_centavos, lambda: _person(random)))

    with ThreadPoolExecutor(OPENERS) as pool:
        list(pool.map(open_one, orders, people))
    for bank in banks:
        for blocked in by_bank[bank.code].blocked:
            BankRest(f"Bank {bank.code}", bank.url, client).block_account(blocked.account_number)
    return Customers(by_bank, shares)


def _open(
    rest: BankRest,
    bank: Bank,
    person: tuple[str, str, str],
    key_kind: str,
    deposit_centavos: int,
    another: Callable[[], tuple[str, str, str]],
) -> Customer:
    for tries_left in reversed(range(PERSONS_TRIED_MAX)):
        name, tax_id, phone = person
        try:
            account = rest.open_account(name, tax_id, deposit_centavos, PIN)
            break
        except Refused as refused:
            # A tax id has one account at a bank, and ours are drawn by lot.
            if refused.name != "tax-id-taken" or not tries_left:
                raise
            person = another()
    text = {"EMAIL": f"{uuid4().hex[:16]}@load.example", "PHONE": phone, "CPF": tax_id, "EVP": ""}[key_kind]
    key = rest.register_key(account["number"], key_kind, text)
    return Customer(bank, str(account["number"]), name, key_kind, str(key["key"]))


def _person(random: Random) -> tuple[str, str, str]:
    """A name, a CPF and a telephone number that most likely was not given before."""
    tax_id = random_tax_id(random)
    phone = f"+55{random.choice(AREA_CODES)}9{random.randrange(10**8):08}"
    return f"{random.choice(GIVEN_NAMES)} {random.choice(FAMILY_NAMES)}", tax_id, phone


def random_tax_id(random: Random) -> str:
    """A CPF by lot, since a tax id has one account at a bank."""
    stem = f"{random.randrange(1, 10**9):09}"
    return next(number for number in (f"{stem}{check:02}" for check in range(100)) if cpf.is_valid(number))
