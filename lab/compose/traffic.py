"""Payments that go on while the network under them is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Final

from lab.drive.customers import Population
from lab.drive.payments import Payment, PaymentDriver, PaymentStream, SentPayment, payment
from lab.network.parts.process import wait_until
from lab.read.rest import BankRest, Unreachable

RETRY_SECONDS_MAX: Final = 600.0
PAYMENTS_PER_SECOND_AND_BANK: Final = 2.0
AMOUNT_CENTAVOS_MAX: Final = 20_00
FLOW_SECONDS_MAX: Final = 300.0
PEOPLE_SECONDS_MAX: Final = 120.0
PEOPLE_POLL_SECONDS: Final = 1.0


def people_of(banks: dict[str, BankRest]) -> Population:
    """The banks' customers. Retries, because the network may be about to change."""
    return wait_until(
        lambda: Population.of(banks),
        PEOPLE_SECONDS_MAX,
        "the banks to list their customers",
        poll_seconds=PEOPLE_POLL_SECONDS,
        retry_on=(Unreachable,),
    )


class Traffic:
    """Payments at a steady rate from every bank until they are stopped; each bank pays on while others are down."""

    def __init__(self, banks: dict[str, BankRest], random: Random, name: str) -> None:
        self._banks = banks
        self._population = people_of(banks)
        self._random = random
        self._name = name
        self._streams: list[PaymentStream] = []

    def start(self) -> None:
        for code, bank in self._banks.items():
            driver = PaymentDriver({code: bank}, RETRY_SECONDS_MAX, senders=1)
            payments = self._payments_from(code, Random(self._random.random()))
            self._streams.append(driver.start(payments, PAYMENTS_PER_SECOND_AND_BANK))

    def stop(self) -> None:
        """Ends once every payment that was begun has its answer. Raises the error that ended a bank's payments."""
        self.abandon()
        for stream in self._streams:
            stream.wait()

    def abandon(self) -> None:
        """Begins no further payment, and does not wait for those under way."""
        for stream in self._streams:
            stream.stop()

    @property
    def sent(self) -> list[SentPayment]:
        return [each for stream in self._streams for each in stream.sent]

    def accepted(self) -> Counter[str]:
        """The number of payments that each bank has taken. Raises the error that ended a bank's payments."""
        for stream in self._streams:
            stream.check()
        return Counter(each.payment.payer_bank for each in self.sent if each.end_to_end_id is not None)

    def wait_for(self, payments: int) -> None:
        """Waits until the banks have taken so many payments together. Raises `PartError`."""
        wait_until(
            lambda: sum(self.accepted().values()) >= payments,
            FLOW_SECONDS_MAX,
            f"the banks to take {payments} payments",
        )

    def wait_until_all_flow(self) -> None:
        """Waits until every bank has taken a payment from now on. Raises `PartError`."""
        before = self.accepted()

        def flows() -> bool:
            now = self.accepted()
            return all(now[code] > before[code] for code in self._banks)

        wait_until(flows, FLOW_SECONDS_MAX, "every bank to take payments again")

    def _payments_from(self, code: str, random: Random) -> Iterator[Payment]:
        """From the bank's richest customer, to each bank in turn."""
        for number in count():
            payee_bank = self._population.codes[number % len(self._population.codes)]
            payee = random.choice(self._population.friends(payee_bank))
            amount = random.randint(1, AMOUNT_CENTAVOS_MAX)
            yield payment(self._population.rich(code), payee, amount, f"{self._name}-{code}-{number}")
