"""Customers' accounts and their keys."""

from __future__ import annotations

import uuid
from typing import Final

from lab.broken_banks.core import Core
from lab.broken_banks.defects import Defect
from lab.broken_banks.ledger import ACCOUNTS_MAX, BRANCH, CAPITAL, CASH, SETTLEMENT, Account, customer, now_ms
from lab.broken_banks.refusals import Refused
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.people import check_person_name, check_tax_id

TYPES: Final = ("CACC", "SVGS", "TRAN", "SLRY")
STATUSES: Final = ("open", "blocked", "closed")


class Accounts(Core):
    def open_account(self, name: str, document: str, kind: str, opening_balance_centavos: int) -> Account:
        """Raises Refused, SchemeError."""
        name, (_, document) = check_person_name(name), check_tax_id(document)
        if kind not in TYPES:
            raise SchemeError("type", f"An account is of one of these types: {', '.join(TYPES)}.")
        if not 0 <= opening_balance_centavos <= AMOUNT_CENTAVOS_MAX:
            raise SchemeError("opening_balance_centavos", f"must be 0 to {AMOUNT_CENTAVOS_MAX}")
        with self.transaction():
            count = len(self.ledger.accounts())
            if count >= ACCOUNTS_MAX:
                raise Refused("RESOURCE_EXHAUSTED", "Too many accounts", f"A bank has at most {ACCOUNTS_MAX} accounts.")
            number = f"{count + 1:06d}-{(count + 1) % 10}"
            self.ledger.add_account(Account(number, kind, name, document, "open", 0, now_ms()))
            if opening_balance_centavos:
                self.ledger.post(str(uuid.uuid4()), "", "deposit", CASH, customer(number), opening_balance_centavos)
        return self.account(number)

    def account(self, number: str) -> Account:
        """Raises Refused."""
        with self.reading() as ledger:
            account = ledger.account(number)
        if account is None:
            raise Refused("NOT_FOUND", "Account not found", "This bank has no account with this number.")
        return account

    def set_account_status(self, number: str, status: str) -> Account:
        """Raises Refused, SchemeError. A closed account stays closed."""
        if status not in STATUSES:
            raise SchemeError("status", f"must be one of these: {', '.join(STATUSES)}")
        account = self.account(number)
        if account.status == "closed" and status != "closed":
            raise Refused("FAILED_PRECONDITION", "Account closed", "A closed account stays closed.")
        with self.transaction():
            if status == "closed" and (account.balance_centavos or self.ledger.has_open_sides(number)):
                raise Refused("FAILED_PRECONDITION", "Not empty", "The account has a balance, or a transfer under way.")
            self.ledger.set_status(number, status)
        return self.account(number)

    def register_key(self, number: str, kind: KeyKind, value: str) -> PixKey:
        """Raises Refused, with the hub's own status where the hub refuses."""
        account = self.account(number)
        if account.status != "open":
            raise Refused("FAILED_PRECONDITION", "Account not open", f"The account is {account.status}.")
        tax_id = account.owner_document
        if self.has(Defect.KEYS_OF_ANOTHER) and kind in (KeyKind.CPF, KeyKind.CNPJ):
            # KEYS_OF_ANOTHER: the hub has to believe the bank in who the holder is, and the bank has not compared it.
            tax_id = value
        # The request id makes a repeated call of an EVP key the same call; each order of a customer has a new one.
        key = self.hub.register_key(
            kind, value, BRANCH, number, account.owner_name, tax_id, request_id=str(uuid.uuid4())
        )
        with self.transaction():
            self.ledger.add_key(key.kind.value, key.key, number)
        return key

    def remove_key(self, value: str) -> None:
        """Raises Refused."""
        with self.reading() as ledger:
            kind = ledger.kind_of_key(value)
        if kind is None:
            raise Refused("NOT_FOUND", "Key not found", "This bank has no such key.")
        try:
            self.hub.remove_key(PixKey(KeyKind(kind), value))
        except Refused as refusal:
            # Then the directory does not have it any more, which is what was asked for.
            if refusal.reason != "NOT_FOUND":
                raise
        with self.transaction():
            self.ledger.remove_key(value)

    def release_keys(self) -> None:
        """Removes the keys of closed accounts. Raises Refused when the hub does not answer; then it is done later."""
        with self.reading() as ledger:
            closed = [account.number for account in ledger.accounts() if account.status == "closed"]
            keys = [key for number in closed for _, key, _ in ledger.keys(number)]
        for key in keys:
            self.remove_key(key)

    def mirror_settlement(self) -> None:
        """Books each funding of the settlement account at the hub once. Raises Refused when the hub does not answer."""
        fundings = self.hub.fundings()
        with self.transaction():
            for funding in fundings:
                if self.ledger.has_posting(funding.funding_id) or not funding.amount_centavos:
                    continue
                is_paid_in = funding.amount_centavos > 0
                debit, credit = (SETTLEMENT, CAPITAL) if is_paid_in else (CAPITAL, SETTLEMENT)
                amount = abs(funding.amount_centavos)
                self.ledger.post(funding.funding_id, "", "settlement_funding", debit, credit, amount)
