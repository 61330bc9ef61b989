"""The lab's own payments: orders, the driver that sends them with retries, and their outcomes at the hub."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
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
STOP_POLL_SECONDS: Final = 0.25
DECISION_POLL_SECONDS_FIRST: Final = 0.1
DECISION_POLL_GROWTH: Final = 1.5
DECISION_POLL_SECONDS_MAX: Final = 2.0
DECIDED: Final = frozenset({"confirmed", "failed"})
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


class PaymentStream:
    """Payments that are sent in the background, until all are answered or `stop` is called; thread-safe."""

    def __init__(self, driver: PaymentDriver, payments: Iterable[Payment], per_second: float | None) -> None:
        """`per_second` is the rate at which payments are due; None: as fast as the banks answer."""
        self._driver = driver
        self._numbered = enumerate(payments)
        self._per_second = per_second
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._sent: dict[int, SentPayment] = {}
        self._failure: Exception | None = None
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(driver.senders)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begins no further payment; those that were begun go on until they are answered."""
        self._stop.set()

    def wait(self) -> None:
        """Waits until every payment that was begun is answered. Raises what ended a sender."""
        for thread in self._threads:
            thread.join()
        self.check()

    def check(self) -> None:
        """Raises what ended a sender."""
        if self._failure is not None:
            raise self._failure

    @property
    def is_done(self) -> bool:
        """Whether all are answered. Raises what ended a sender."""
        if any(thread.is_alive() for thread in self._threads):
            return False
        self.check()
        return True

    @property
    def sent(self) -> list[SentPayment]:
        """Those that are answered, in the order of the payments."""
        with self._lock:
            return [self._sent[number] for number in sorted(self._sent)]

    @property
    def ids(self) -> set[str]:
        """The end-to-end ids of those that became transfers."""
        return {each.end_to_end_id for each in self.sent if each.end_to_end_id is not None}

    def _send(self) -> None:
        try:
            while (due := self._next()) is not None:
                number, payment = due
                sent = self._driver.send(payment)
                with self._lock:
                    self._sent[number] = sent
        except Exception as failure:  # noqa: BLE001 - raised by `wait`, `check` and `is_done`
            self._failure = self._failure or failure
            self._stop.set()

    def _next(self) -> tuple[int, Payment] | None:
        """The next payment once it is due; None when there is none, or none is to be begun any more."""
        with self._lock:
            found = next(self._numbered, None)
        if found is not None and self._per_second is not None:
            due = self._began + found[0] / self._per_second
            while (left := due - time.monotonic()) > 0 and not self._stop.is_set():
                self._driver.pause(min(left, STOP_POLL_SECONDS))
        return None if self._stop.is_set() or self._driver.is_closed else found


class PaymentDriver:
    """Sends payments to their banks over REST, and repeats one that was not answered, by its idempotency key."""

    def __init__(
        self,
        banks: Mapping[str, BankRest],
        retry_seconds_max: float = RETRY_SECONDS_MAX_DEFAULT,
        senders: int = SENDERS_DEFAULT,
        stop: threading.Event | None = None,
    ) -> None:
        """`banks` are by code; a bank that does not answer for `retry_seconds_max` is an error.

        Once `stop` is set, no payment is repeated, and no further one of a stream begun.
        """
        self.senders = senders
        self._banks = banks
        self._retry_seconds_max = retry_seconds_max
        self._stop = stop or threading.Event()
        self._streams: list[PaymentStream] = []

    @property
    def is_closed(self) -> bool:
        return self._stop.is_set()

    def pause(self, seconds: float) -> None:
        """Waits, at most until the driver is closed."""
        self._stop.wait(seconds)

    def close(self) -> None:
        """Ends the streams, and joins their threads: their requests end once the banks are stopped."""
        self._stop.set()
        for stream in self._streams:
            with suppress(Exception):
                stream.wait()

    def send(self, payment: Payment) -> SentPayment:
        """Sends one. Raises `Unreachable` once `retry_seconds_max` have passed, and `NotAllowed`."""
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
                if time.monotonic() >= deadline or self.is_closed:
                    raise
                sent.retries += 1
                self.pause(RETRY_SECONDS)
            else:
                sent.end_to_end_id = str(document["end_to_end_id"])
                return sent

    def start(self, payments: Iterable[Payment], per_second: float | None = None) -> PaymentStream:
        """Begins to send these in the background, `senders` at a time."""
        stream = PaymentStream(self, payments, per_second)
        self._streams.append(stream)
        return stream

    def send_all(self, payments: Iterable[Payment], per_second: float | None = None) -> list[SentPayment]:
        """Sends these and waits for every answer. Raises `Unreachable`, `NotAllowed`."""
        stream = self.start(payments, per_second)
        try:
            stream.wait()
        except BaseException:
            # Also when interrupted: a frozen bank may never answer.
            self._stop.set()
            raise
        return stream.sent

    def await_decision(self, sent: SentPayment, seconds_max: float) -> Json | None:
        """The row of the payer's bank once it shows the transfer as confirmed or failed; None if that takes longer."""
        assert sent.end_to_end_id is not None
        deadline = time.monotonic() + seconds_max
        seconds = DECISION_POLL_SECONDS_FIRST
        while time.monotonic() < deadline and not self.is_closed:
            self.pause(seconds)
            seconds = min(seconds * DECISION_POLL_GROWTH, DECISION_POLL_SECONDS_MAX)
            with suppress(Unreachable):
                row = self._banks[sent.payment.payer_bank].transfer(sent.end_to_end_id, "outgoing")
                if row["status"] in DECIDED:
                    return row
        return None


@dataclass(frozen=True, slots=True)
class Outcomes:
    by_outcome: Mapping[str, int]
    """`completed`, or why it failed or was refused, or `pending`, `confirmed` for what is not final."""
    milliseconds: Sequence[int]
    """Of each completed one: from the payer's bank's commit to the hub's word that both banks have booked it."""
    longest_ms: int
    """The same of every transfer that is closed, also of one that failed."""
    resends: int
    duplicates: int
    unexpected: Sequence[str] = field(default=())
    """What has another outcome than was expected: an end-to-end id or an idempotency key, and both outcomes."""


def outcome_of(row: Json) -> str:
    """`completed`, a reason code, or a status that is not final."""
    return str(row["reason"] or "failed") if row["status"] == "failed" else str(row["status"])


def read_outcomes(hub: HubRest, sent: Sequence[SentPayment]) -> Outcomes:
    rows = {row["end_to_end_id"]: row for row in hub.transfers()}
    found = [(each, rows.get(each.end_to_end_id)) for each in sent]
    counts: Counter[str] = Counter()
    unexpected = []
    for each, row in found:
        outcome = each.refusal or ("unknown to the hub" if row is None else outcome_of(row))
        counts[outcome] += 1
        if outcome != each.payment.expected:
            name = each.end_to_end_id or each.payment.idempotency_key
            unexpected.append(f"{name}: {each.refused or outcome} instead of {each.payment.expected}")
    known = [row for _, row in found if row is not None]
    took_ms = [(row, row["closed_at_ms"] - row["requested_at_ms"]) for row in known if row["closed_at_ms"] is not None]
    return Outcomes(
        by_outcome=dict(counts),
        milliseconds=[took for row, took in took_ms if row["status"] == "completed"],
        longest_ms=max((took for _, took in took_ms), default=0),
        resends=sum(row["resends"] for row in known),
        duplicates=sum(row["duplicates"] for row in known),
        unexpected=unexpected,
    )
