"""What the course's Nest bank of 2023 does, as observed, with its faults.

It credits a `pending` each time it comes, joins an amount in quotes to its balance as text, gives no answer to what it
does not take, and never gives money back. It echoes what it got with another status.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol
from uuid import uuid4

from lab.course_bank.store import Store, Transaction

TRANSACTIONS: Final = "transactions"
CONFIRMATIONS: Final = "transaction_confirmation"
NOT_FOUND: Final = "no key was found"
"""At this text of the hub alone the bank registers a key."""

Answer = tuple[str, str]
"""A topic and a value."""


class HubError(Exception):
    """The text that the hub's gRPC service gave."""


class Hub(Protocol):
    """The hub's gRPC service. Both raise HubError."""

    def find(self, kind: str, key: str) -> None: ...

    def register(self, kind: str, key: str, account_id: str) -> None: ...


class Failed(Exception):
    """An error that the bank answers with status 500, as anything that it has not thought of."""


class KeyExists(Exception):
    """The hub finds the key, and the bank has it."""


class CourseBank:
    def __init__(self, code: str, store: Store, hub: Hub, new_id: Callable[[], str] = lambda: str(uuid4())) -> None:
        self._topic = f"bank{code}"
        self._store = store
        self._hub = hub
        self._new_id = new_id

    def register_key(self, account_id: str, kind: str, key: str) -> None:
        """Looks up first, and registers second. Raises KeyExists, Failed."""
        if self._store.account(account_id) is None:
            raise Failed("no such account")
        try:
            self._hub.find(kind, key)
        except HubError as error:
            if str(error) != NOT_FOUND:
                raise Failed(str(error)) from error
            try:
                self._hub.register(kind, key, account_id)
            except HubError as refused:
                raise Failed(str(refused)) from refused
        else:
            if self._store.account_of_key(kind, key) is not None:
                raise KeyExists
            # Another bank has it: the bank stores it nevertheless, and payments go where the hub says.
        with self._store.transaction():
            self._store.add_key(kind, key, account_id)

    def pay(self, account_id: str, kind: str, key: str, amount: Any, description: Any) -> tuple[Transaction, Answer]:
        """Debits at once, whatever the balance. The transaction, and what is to be published. Raises Failed."""
        account = self._store.account(account_id)
        if account is None or not _is_whole(amount) or not isinstance(description, str):
            raise Failed("the database refuses it")
        debit = Transaction(self._new_id(), "", account_id, "debit", int(amount), key, kind, description, "pending")
        with self._store.transaction():
            self._store.add(debit)
            self._store.set_balance(account_id, account.balance - debit.amount)
        return debit, (TRANSACTIONS, _write(_request_of(debit)))

    def take(self, topic: str, value: str | bytes) -> list[Answer]:
        """A record of one of the two banks' topics; what is to be published."""
        if topic != self._topic:
            return []
        try:
            record = json.loads(value)
        except ValueError:
            return []
        if not isinstance(record, dict):
            return []
        match record.get("status"):
            case "pending":
                return self._credit(record)
            case "confirmed":
                return self._complete(record)
            case _:
                # Also `error` and `rejected`: the debit stays as it is, and the money stays gone.
                return []

    def _credit(self, record: dict[str, Any]) -> list[Answer]:
        kind, key = str(record.get("pixKeyKindTo")), str(record.get("pixKeyTo"))
        account_id = self._store.account_of_key(kind, key)
        account = None if account_id is None else self._store.account(account_id)
        if account is None or not isinstance(record.get("description"), str):
            return []
        balance = _balance_with(account.balance, record.get("amount"))
        if balance is None:
            return []
        amount = record["amount"]
        credit = Transaction(
            self._new_id(),
            str(record.get("id")),
            account.id,
            "credit",
            int(amount),
            key,
            kind,
            record["description"],
            "completed",
        )
        with self._store.transaction():
            # Nothing asks whether it has been credited before.
            self._store.add(credit)
            self._store.set_balance(account.id, balance)
        return [(CONFIRMATIONS, _write({**record, "status": "confirmed"}))]

    def _complete(self, record: dict[str, Any]) -> list[Answer]:
        debit = self._store.transaction_with(str(record.get("id")))
        if debit is None or debit.operation != "debit":
            return []
        completed = replace(debit, status="completed")
        with self._store.transaction():
            self._store.set_status(debit.id, completed.status)
        return [(CONFIRMATIONS, _write({**_request_of(completed), "status": completed.status}))]


def _request_of(debit: Transaction) -> dict[str, Any]:
    return {
        "id": debit.id,
        "accountId": debit.account_id,
        "amount": debit.amount,
        "pixkeyto": debit.key,
        "pixKeyKindTo": debit.key_kind,
        "description": debit.description,
    }


def _is_whole(amount: Any) -> bool:
    return isinstance(amount, int | float) and not isinstance(amount, bool) and float(amount).is_integer()


def _balance_with(balance: int, amount: Any) -> int | None:
    """The balance after a credit; None where the database refuses it."""
    if isinstance(amount, str):
        # JavaScript joins a number and a text: 40 and "5" make 405.
        joined = f"{balance}{amount}"
        return int(joined) if joined.isascii() and joined.removeprefix("-").isdigit() else None
    return balance + int(amount) if _is_whole(amount) else None


def _write(record: dict[str, Any]) -> str:
    """As JavaScript writes it: 5.00 has become 5."""
    plain = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in record.items()
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
