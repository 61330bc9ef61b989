"""The lab's own returns: orders, the driver that sends them with retries, and their outcomes at the hub."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import Final

from lab.drive.customers import Population
from lab.drive.payments import RETRY_SECONDS, RETRY_SECONDS_MAX_DEFAULT, Payment, PaymentStream, SentPayment, outcome_of
from lab.network.parts.process import is_true_within
from lab.read.rest import BankRest, HubRest, NotAllowed, Refused, Unreachable

SENDERS: Final = 4
ORIGINAL_POLL_SECONDS: Final = 0.25
FOLLOW_POLL_SECONDS: Final = 0.25
RETURNED_SHARE: Final = 0.3
"""Of the payments that are returned in a mix of traffic."""
FULL_SHARE: Final = 1 / 3
"""Of those, how many go back in one piece."""
PARTS_MAX: Final = 3
FINAL: Final = frozenset({"completed", "failed"})


@dataclass(frozen=True, slots=True)
class ReturnOrder:
    """An order to give money of a received payment back.

    `expected` is the word for what must become of it: `completed`, the reason code for which it must fail, or the name
    of the problem for which the bank must refuse it before anything leaves.
    """

    bank: str
    """The code of the payee's bank."""
    account_number: str
    original_end_to_end_id: str
    amount_centavos: int
    idempotency_key: str
    expected: str = "completed"
    reason: str = "MD06"


@dataclass(slots=True)
class SentReturn:
    order: ReturnOrder
    return_id: str | None = None
    refused: Refused | None = None
    retries: int = 0

    @property
    def refusal(self) -> str | None:
        """The problem's name for which the bank refused it, or the field whose rule it broke; None when it did not."""
        return None if self.refused is None else self.refused.name


def parts_of(amount_centavos: int, count: int) -> list[int]:
    """The amount in so many parts, each at least a centavo; fewer for an amount that has fewer centavos."""
    count = min(count, amount_centavos)
    return [amount_centavos // count + (number < amount_centavos % count) for number in range(count)]


def plan_returns(payments: Sequence[Payment], random: Random) -> dict[str, list[int]]:
    """Which payments go back, by idempotency key, with the amounts: a third of them whole, the others in parts.

    The parts of one are at most the payment, and of some less, so that a rest stays with the payee.
    """
    plan = {}
    for payment in payments:
        if random.random() >= RETURNED_SHARE:
            continue
        if random.random() < FULL_SHARE:
            plan[payment.idempotency_key] = [payment.amount_centavos]
            continue
        parts = parts_of(payment.amount_centavos, PARTS_MAX)
        plan[payment.idempotency_key] = parts[: random.randint(1, len(parts))]
    return plan


def orders_of(sent: SentPayment, amounts: Sequence[int], population: Population) -> list[ReturnOrder]:
    """The orders that give these amounts of a payment back. Raises LookupError when its payee is unknown."""
    assert sent.end_to_end_id is not None, "a payment that was refused has no money to give back"
    payee = population.owner(sent.payment.key)
    return [
        ReturnOrder(
            bank=payee.bank_code,
            account_number=payee.account_number,
            original_end_to_end_id=sent.end_to_end_id,
            amount_centavos=amount,
            idempotency_key=f"{sent.payment.idempotency_key}-back-{number}",
        )
        for number, amount in enumerate(amounts)
    ]


class ReturnDriver:
    """Sends returns to their banks over REST, and repeats one that was not answered, by its idempotency key."""

    def __init__(
        self,
        banks: Mapping[str, BankRest],
        hub: HubRest,
        retry_seconds_max: float = RETRY_SECONDS_MAX_DEFAULT,
        senders: int = SENDERS,
    ) -> None:
        """`banks` are by code; a bank that does not answer for `retry_seconds_max` is an error."""
        self._banks = banks
        self._hub = hub
        self._retry_seconds_max = retry_seconds_max
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(senders, "lab-returns")

    def close(self) -> None:
        """Begins no further return, and joins the threads: their requests end once the banks are stopped."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, orders: Iterable[ReturnOrder]) -> list[Future[SentReturn]]:
        """Begins to send these in the background; each waits until its original has arrived."""
        return [self._pool.submit(self.send, order, awaits_original=True) for order in orders]

    def send_all(self, orders: Iterable[ReturnOrder]) -> list[SentReturn]:
        """Sends these at the same time, and waits for every answer. Raises `Unreachable`, `NotAllowed`."""
        return list(self._pool.map(self.send, orders))

    def follow(
        self, stream: PaymentStream, plan: Mapping[str, Sequence[int]], population: Population
    ) -> list[Future[SentReturn]]:
        """Begins the planned returns of each payment once its bank has answered, until all payments are answered.

        Raises what ended a sender of the stream.
        """
        futures: list[Future[SentReturn]] = []
        seen: set[str] = set()
        is_done = False
        while not is_done:
            is_done = stream.is_done or self._stop.wait(FOLLOW_POLL_SECONDS)
            for sent in stream.sent:
                key = sent.payment.idempotency_key
                if key in seen or sent.end_to_end_id is None:
                    continue
                seen.add(key)
                futures += self.start(orders_of(sent, plan.get(key, ()), population))
        return futures

    def send(self, order: ReturnOrder, *, awaits_original: bool = False) -> SentReturn:
        """Sends one. Raises `Unreachable` once `retry_seconds_max` have passed, and `NotAllowed`.

        `awaits_original`: the bank may not have the money of the original yet; one that fails is waited for no longer.
        """
        sent = SentReturn(order)
        deadline = time.monotonic() + self._retry_seconds_max
        while True:
            try:
                document = self._banks[order.bank].give_back(
                    order.account_number,
                    order.original_end_to_end_id,
                    order.amount_centavos,
                    order.reason,
                    order.idempotency_key,
                )
            except Refused as refused:
                is_over = time.monotonic() >= deadline or self._stop.is_set()
                if is_over or not awaits_original or not _may_arrive(refused) or self._has_failed(order):
                    sent.refused = refused
                    return sent
                self._stop.wait(ORIGINAL_POLL_SECONDS)
            except NotAllowed:
                raise
            except Unreachable:
                if time.monotonic() >= deadline or self._stop.is_set():
                    raise
                sent.retries += 1
                self._stop.wait(RETRY_SECONDS)
            else:
                sent.return_id = str(document["return_id"])
                return sent

    def are_final(self, sent: Iterable[SentReturn]) -> bool:
        """Whether each that its bank has taken has failed at the hub, or is booked by both banks.

        Raises `Unreachable`.
        """
        ids = {each.return_id for each in sent if each.return_id is not None}
        status = {row["return_id"]: row["status"] for row in self._hub.returns("before", "next")}
        return all(status.get(each) in FINAL for each in ids)

    def await_final(self, sent: Sequence[SentReturn], seconds_max: float) -> bool:
        """False when that takes longer. Raises `Unreachable`."""
        return is_true_within(seconds_max, lambda: self.are_final(sent))

    def _has_failed(self, order: ReturnOrder) -> bool:
        """Whether the hub says that the original has failed, so that its money never arrives."""
        with suppress(Unreachable, Refused):
            return bool(self._hub.transfer(order.original_end_to_end_id)["status"] == "failed")
        return False


def _may_arrive(refused: Refused) -> bool:
    """Whether the bank refuses since it does not have the original's money, or not yet."""
    is_unknown = refused.status == HTTPStatus.NOT_FOUND and refused.kind == "transfer-not-found"
    return is_unknown or refused.name == "original_end_to_end_id"


@dataclass(frozen=True, slots=True)
class ReturnOutcomes:
    by_outcome: Mapping[str, int]
    """`completed`, or why it failed or was refused, or a status that is not final."""
    returned_centavos: int
    """The sum of those that are completed."""
    resends: int
    duplicates: int
    unexpected: Sequence[str] = ()
    """What has another outcome than was expected: a return id or an idempotency key, and both outcomes."""


def read_return_outcomes(hub: HubRest, sent: Sequence[SentReturn], allowed: Collection[str] = ()) -> ReturnOutcomes:
    """What has become of these; `allowed` are outcomes that any of them may have."""
    rows = {row["return_id"]: row for row in hub.returns("before", "next")}
    counts: Counter[str] = Counter()
    unexpected = []
    for each in sent:
        row = rows.get(each.return_id)
        outcome = each.refusal or ("unknown to the hub" if row is None else outcome_of(row))
        counts[outcome] += 1
        if outcome != each.order.expected and outcome not in allowed:
            name = each.return_id or each.order.idempotency_key
            unexpected.append(f"{name}: {each.refused or outcome} instead of {each.order.expected}")
    known = [rows[each.return_id] for each in sent if each.return_id in rows]
    return ReturnOutcomes(
        by_outcome=dict(counts),
        returned_centavos=sum(row["amount_centavos"] for row in known if row["status"] == "completed"),
        resends=sum(row["resends"] for row in known),
        duplicates=sum(row["duplicates"] for row in known),
        unexpected=unexpected,
    )
