"""Deviations of the course's stand-in, which prove that the cases of the profile `course` can fail.

`python -m tests.support.course_mutants NAME` runs one; its environment is the stand-in's.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from lab.course_bank.__main__ import main
from lab.course_bank.bank import CONFIRMATIONS, Answer, CourseBank, Failed, KeyExists
from lab.course_bank.store import Transaction

STRAY_ID: Final = "00000000-0000-4000-8000-000000000000"


def _changed(answer: Answer, **changes: Any) -> Answer:
    topic, value = answer
    return topic, json.dumps({**json.loads(value), **changes})


class RegistersUnseen(CourseBank):
    """It does not look a key up first."""

    def register_key(self, account_id: str, kind: str, key: str) -> None:
        if self._store.account_of_key(kind, key) is not None:
            raise KeyExists
        self._hub.register(kind, key, account_id)
        with self._store.transaction():
            self._store.add_key(kind, key, account_id)


class TakesKeysTwice(CourseBank):
    def register_key(self, account_id: str, kind: str, key: str) -> None:
        try:
            super().register_key(account_id, kind, key)
        except KeyExists:
            return


class IgnoresRefusals(CourseBank):
    def register_key(self, account_id: str, kind: str, key: str) -> None:
        try:
            super().register_key(account_id, kind, key)
        except Failed:
            return


class WritesCentavos(CourseBank):
    def pay(self, account_id: str, kind: str, key: str, amount: Any, description: Any) -> tuple[Transaction, Answer]:
        debit, answer = super().pay(account_id, kind, key, amount, description)
        return debit, _changed(answer, amount=amount * 100)


class DebitsNothing(CourseBank):
    def pay(self, account_id: str, kind: str, key: str, amount: Any, description: Any) -> tuple[Transaction, Answer]:
        paid = super().pay(account_id, kind, key, amount, description)
        self.move(account_id, amount)
        return paid

    def move(self, account_id: str, amount: int) -> None:
        """Changes a balance that should stay."""
        account = self._store.account(account_id)
        assert account is not None
        with self._store.transaction():
            self._store.set_balance(account_id, account.balance + amount)


class HasOneId(CourseBank):
    def pay(self, account_id: str, kind: str, key: str, amount: Any, description: Any) -> tuple[Transaction, Answer]:
        debit, answer = super().pay(account_id, kind, key, amount, description)
        return debit, _changed(answer, id=STRAY_ID)


class _Taker(DebitsNothing):
    """Deviates at what it takes, and debits as it should."""

    pay = CourseBank.pay

    def status_of(self, value: str | bytes) -> tuple[str, dict[str, Any]]:
        try:
            record = json.loads(value)
        except ValueError:
            return "", {}
        return (str(record.get("status")), record) if isinstance(record, dict) else ("", {})


class DebitsAtConfirmation(_Taker):
    def take(self, topic: str, value: str | bytes) -> list[Answer]:
        answers = super().take(topic, value)
        status, record = self.status_of(value)
        debit = self._store.transaction_with(str(record.get("id"))) if status == "confirmed" else None
        if debit is not None:
            self.move(debit.account_id, -debit.amount)
        return answers


class ConfirmsAnotherAmount(_Taker):
    def take(self, topic: str, value: str | bytes) -> list[Answer]:
        is_pending = self.status_of(value)[0] == "pending"
        return [_changed(answer, amount=1_000) if is_pending else answer for answer in super().take(topic, value)]


class ReadsEveryTopic(_Taker):
    def take(self, topic: str, value: str | bytes) -> list[Answer]:
        return super().take(self._topic, value)


class AnswersForStrangers(_Taker):
    def take(self, topic: str, value: str | bytes) -> list[Answer]:
        status, record = self.status_of(value)
        answers = super().take(topic, value)
        if answers or status != "pending" or topic != self._topic or "id" not in record:
            return answers
        return [(CONFIRMATIONS, json.dumps({**record, "status": "confirmed"}))]


class RewardsGarbage(_Taker):
    def take(self, topic: str, value: str | bytes) -> list[Answer]:
        if not self.status_of(value)[1]:
            first = self._store.accounts()[0]
            self.move(first.id, 1)
        return super().take(topic, value)


class RefundsAtAnError(_Taker):
    def take(self, topic: str, value: str | bytes) -> list[Answer]:
        status, record = self.status_of(value)
        debit = self._store.transaction_with(str(record.get("id"))) if status == "error" else None
        if debit is not None:
            self.move(debit.account_id, debit.amount)
        return super().take(topic, value)


COURSE_MUTANTS: Final[dict[type[CourseBank], tuple[str, ...]]] = {
    RegistersUnseen: ("course.registers-key",),
    TakesKeysTwice: ("course.key-exists",),
    IgnoresRefusals: ("course.refused-key",),
    WritesCentavos: ("course.pays",),
    DebitsNothing: ("course.debits",),
    HasOneId: ("course.completes", "course.ids-differ"),
    DebitsAtConfirmation: ("course.completes",),
    ConfirmsAnotherAmount: ("course.credits",),
    ReadsEveryTopic: ("course.not-its-topic",),
    AnswersForStrangers: ("course.unknown-key",),
    RewardsGarbage: ("course.unreadable",),
    RefundsAtAnError: ("course.other-status",),
}
"""The cases that each of them fails, and no others."""

if __name__ == "__main__":
    by_name = {mutant.__name__: mutant for mutant in COURSE_MUTANTS}
    sys.exit(main(by_name[sys.argv[1]]))
