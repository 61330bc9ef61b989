"""Payments that go on while the network under them is broken."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import Final

from lab.drive.customers import Population
from lab.drive.payments import Payment, PaymentDriver, SentPayment, payment
from lab.network.parts.process import wait_until
from lab.read.rest import BankRest, Unreachable

RETRY_SECONDS_MAX: Final = 600.0
PAYMENTS_PER_SECOND_AND_BANK: Final = 2.0
AMOUNT_CENTAVOS_MAX: Final = 20_00
FLOW_SECONDS_MAX: Final = 300.0
PEOPLE_SECONDS_MAX: Final = 120.0
PEOPLE_POLL_SECONDS: Final = 1.0


def people_of(banks: dict[str, BankRest]) -> Population:
    """Who banks there. Asked until the banks say so, for the network may be about to change."""

    def read() -> Population | None:
        try:
            return Population.of(banks)
        except Unreachable:
            return None

    population = wait_until(
        read, PEOPLE_SECONDS_MAX, "the banks to tell who banks there", poll_seconds=PEOPLE_POLL_SECONDS
    )
    assert population is not None
    return population


class Traffic:
    """Payments at a steady rate from every bank, until they are stopped; each bank pays on while others are down."""

    def __init__(self, banks: dict[str, BankRest], random: Random, name: str) -> None:
        """`banks` are by code; `name` begins the idempotency keys."""
        self._banks = banks
        self._population = people_of(banks)
        self._random = random
        self._name = name
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.sent: list[SentPayment] = []
        self._pool = ThreadPoolExecutor(len(banks))
        self._futures: list[Future[None]] = []

    def start(self) -> None:
        self._futures = [self._pool.submit(self._pay_from, code) for code in self._banks]

    def stop(self) -> None:
        """Ends once every payment that was begun has its answer. Raises what made a bank's payments end early."""
        self._stop.set()
        for future in self._futures:
            future.result()
        self._pool.shutdown()

    def abandon(self) -> None:
        """Begins no further payment, and does not wait for those under way."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def check(self) -> None:
        """Raises what made a bank's payments end early."""
        for future in self._futures:
            if future.done():
                future.result()

    def accepted(self) -> Counter[str]:
        """How many payments each bank has taken."""
        with self._lock:
            return Counter(each.payment.payer_bank for each in self.sent if each.end_to_end_id is not None)

    def wait_for(self, count: int) -> None:
        """Waits until the banks have taken so many payments together. Raises `PartError`."""

        def are_enough() -> bool:
            self.check()
            return sum(self.accepted().values()) >= count

        wait_until(are_enough, FLOW_SECONDS_MAX, f"the banks to take {count} payments")

    def wait_until_all_flow(self) -> None:
        """Waits until every bank has taken a payment from now on. Raises `PartError`."""
        before = self.accepted()

        def flows() -> bool:
            self.check()
            now = self.accepted()
            return all(now[code] > before[code] for code in self._banks)

        wait_until(flows, FLOW_SECONDS_MAX, "every bank to take payments again")

    def _pay_from(self, code: str) -> None:
        driver = PaymentDriver({code: self._banks[code]}, RETRY_SECONDS_MAX)
        number = 0
        while not self._stop.is_set():
            sent = driver.send(self._next_payment(code, number))
            with self._lock:
                self.sent.append(sent)
            number += 1
            self._stop.wait(1 / PAYMENTS_PER_SECOND_AND_BANK)

    def _next_payment(self, code: str, number: int) -> Payment:
        """Who has plenty pays, to each bank in turn."""
        payee_bank = self._population.codes[number % len(self._population.codes)]
        with self._lock:
            payee = self._random.choice(self._population.friends(payee_bank))
            amount = self._random.randint(1, AMOUNT_CENTAVOS_MAX)
        return payment(self._population.rich(code), payee, amount, f"{self._name}-{code}-{number}")
