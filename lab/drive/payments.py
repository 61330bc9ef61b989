"""The lab's own payments: orders, the driver that sends them with retries, and their outcomes at the hub."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Final

from lab.drive.customers import Customer, Key, Population
from lab.read.rest import BankRest, HubRest, Json, NotAllowed, Refused, Unreachable

AMOUNT_CENTAVOS_MIN: Final = 1_00
AMOUNT_CENTAVOS_MAX: Final = 50_00
SENDERS_DEFAULT: Final = 4
"""Threads that pay at the same time."""
RETRY_SECONDS: Final = 0.1
RETRY_SECONDS_MAX_DEFAULT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Payment:
    """An order to pay.

    `expected` is the word for what must become of it: `completed`, the reason code for which it must fail, or the name
    of the problem for which the bank must refuse it before anything leaves.
    """

    payer_bank: str
    payer_account: str
    key: Key
    amount_centavos: int
    description: str
    idempotency_key: str
    expected: str = "completed"


@dataclass(slots=True)
class SentPayment:
    """A payment after it was sent: the bank's transfer, or its refusal."""

    payment: Payment
    end_to_end_id: str | None = None
    refused: Refused | None = None
    retries: int = 0

    @property
    def refusal(self) -> str | None:
        """The problem's name for which the bank refused it, or the field whose rule it broke; None when it did not."""
        return None if self.refused is None else self.refused.name


def payment(
    payer: Customer, payee: Customer | Key, amount_centavos: int, idempotency_key: str, expected: str = "completed"
) -> Payment:
    """An order of one customer to pay another, by the first of the other's keys, or to pay a key."""
    key = payee if isinstance(payee, Key) else payee.keys[0]
    return Payment(
        payer_bank=payer.bank_code,
        payer_account=payer.account_number,
        key=key,
        amount_centavos=amount_centavos,
        description=f"lab {idempotency_key}",
        idempotency_key=idempotency_key,
        expected=expected,
    )


def good_payments(population: Population, count: int, random: Random, prefix: str) -> list[Payment]:
    """Payments that must complete: between every ordered pair of banks in turn, and within each bank.

    Who has plenty pays, so that none fails for want of money. `prefix` begins the idempotency keys.
    """
    codes = population.codes
    pairs = [(payer, payee) for payer in codes for payee in codes]
    payments = []
    for number in range(count):
        payer_code, payee_code = pairs[number % len(pairs)]
        payee = random.choice(population.friends(payee_code))
        amount = random.randint(AMOUNT_CENTAVOS_MIN, AMOUNT_CENTAVOS_MAX)
        payments.append(payment(population.rich(payer_code), payee, amount, f"{prefix}-{number}"))
    return payments


class PaymentDriver:
    """Sends payments to their banks, and repeats one that was not answered: the idempotency key makes that safe."""

    def __init__(
        self,
        banks: Mapping[str, BankRest],
        retry_seconds_max: float = RETRY_SECONDS_MAX_DEFAULT,
        senders: int = SENDERS_DEFAULT,
    ) -> None:
        """`banks` are by code; a bank that does not answer for `retry_seconds_max` is an error."""
        self._senders = senders
        self._banks = banks
        self._retry_seconds_max = retry_seconds_max
        self._pause = threading.Event()
        self._pools: list[ThreadPoolExecutor] = []

    def close(self) -> None:
        """Awaits those who still wait for an answer after an interruption; they get none once the banks are gone."""
        self._pause.set()
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)

    def send(self, payment: Payment) -> SentPayment:
        """Sends one. Raises `Unreachable` once `retry_seconds_max` have passed."""
        sent = SentPayment(payment)
        deadline = time.monotonic() + self._retry_seconds_max
        while True:
            try:
                document = self._banks[payment.payer_bank].pay(
                    payment.payer_account,
                    payment.key.kind,
                    payment.key.key,
                    payment.amount_centavos,
                    payment.description,
                    payment.idempotency_key,
                )
            except Refused as refused:
                sent.refused = refused
                return sent
            except NotAllowed:
                raise
            except Unreachable:
                if time.monotonic() >= deadline or self._pause.is_set():
                    raise
                sent.retries += 1
                self._pause.wait(RETRY_SECONDS)
            else:
                sent.end_to_end_id = str(document["end_to_end_id"])
                return sent

    def send_all(
        self,
        payments: Sequence[Payment],
        per_second: float | None = None,
        note: Callable[[SentPayment], None] = lambda _: None,
    ) -> list[SentPayment]:
        """Sends all, several at a time; at a steady rate when one is given. The order of the answers is theirs.

        `note` is given each one as soon as it was answered, in the thread that sent it.
        """
        first = time.monotonic()

        def send_in_time(number: int, each: Payment) -> SentPayment:
            if per_second is not None:
                self._pause.wait(max(0.0, first + number / per_second - time.monotonic()))
            sent = self.send(each)
            note(sent)
            return sent

        pool = ThreadPoolExecutor(self._senders)
        self._pools.append(pool)
        try:
            futures: list[Future[SentPayment]] = [pool.submit(send_in_time, *item) for item in enumerate(payments)]
            return [future.result() for future in futures]
        except BaseException:
            # Also when interrupted: a frozen bank may never answer.
            self._pause.set()
            raise
        finally:
            pool.shutdown(wait=not self._pause.is_set(), cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the hub says has become of transfers."""

    by_outcome: Mapping[str, int]
    """`completed`, or the reason for which it failed, or `pending`, `confirmed` for what is not final."""
    milliseconds: Sequence[int]
    """Of each completed one: from the payer's bank's commit to the hub's word that both banks have booked it."""
    resends: int
    duplicates: int
    unexpected: Sequence[str] = field(default=())
    """Ids whose outcome is another than was expected, each with both."""


def outcome_of(row: Json) -> str:
    """`completed`, a reason code, or a status that is not final."""
    return str(row["reason"] or "failed") if row["status"] == "failed" else str(row["status"])


def read_outcomes(hub: HubRest, sent: Sequence[SentPayment]) -> Outcomes:
    """Compares what was sent with what the hub has."""
    rows = {row["end_to_end_id"]: row for row in hub.transfers()}
    counts: Counter[str] = Counter()
    milliseconds, unexpected = [], []
    resends = duplicates = 0
    for each in sent:
        if each.end_to_end_id is None:
            continue
        row = rows.get(each.end_to_end_id)
        outcome = "unknown to the hub" if row is None else outcome_of(row)
        counts[outcome] += 1
        if outcome != each.payment.expected:
            unexpected.append(f"{each.end_to_end_id}: {outcome} instead of {each.payment.expected}")
        if row is None:
            continue
        resends += row["resends"]
        duplicates += row["duplicates"]
        if row["status"] == "completed":
            milliseconds.append(row["closed_at_ms"] - row["requested_at_ms"])
    return Outcomes(dict(counts), milliseconds, resends, duplicates, unexpected)


def poll_until(condition: Callable[[], bool], seconds_max: float, poll_seconds: float = 0.1) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(poll_seconds)
    return True
