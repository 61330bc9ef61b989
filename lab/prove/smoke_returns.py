"""The returns of `codepix smoke`: between every pair of banks, and each that the bank or the hub must refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from uuid import uuid4

from lab.drive.customers import Customer, Key, Population
from lab.drive.payments import PaymentDriver, SentPayment, payment
from lab.drive.returns import ReturnDriver, ReturnOrder, SentReturn, orders_of, parts_of
from lab.network.parts.process import wait_until
from lab.read.rest import BankRest, HubRest

PARTS: Final = 3
FINAL_SECONDS_MAX: Final = 30.0
CLOCK_SECONDS_MAX: Final = 30.0
PASSED_ON_CENTAVOS: Final = 10_00
RETURN_WINDOW_OVER_MS: Final = 91 * 86_400_000


class SmokeReturns:
    """Returns the completed payments of a smoke test; `sent` is what became of each order."""

    def __init__(self, rest: Mapping[str, BankRest], hub: HubRest, population: Population) -> None:
        self._rest = rest
        self._hub = hub
        self._population = population
        self._payments = PaymentDriver(rest, senders=1)
        self._driver = ReturnDriver(rest, hub)
        self._passed_on: ReturnOrder | None = None
        self.sent: list[SentReturn] = []

    def close(self) -> None:
        self._payments.close()
        self._driver.close()

    def send(self, paid: Sequence[SentPayment]) -> None:
        """Returns one payment of each ordered pair of banks in full and another in parts; then what must be refused.

        Raises `Unreachable`, `Refused`, `PartNotReady`.
        """
        good = self._send(returns_between_pairs(paid, self._population))
        self._send(self._refused_at_the_bank(good, paid))
        self._pass_on()

    def send_too_late(self) -> None:
        """Turns the clock beyond the 90 days, and returns a payment. Raises `Unreachable`, `PartNotReady`."""
        self._hub.call("POST", "/clock/advance", json={"milliseconds": RETURN_WINDOW_OVER_MS})
        wait_until(lambda: not self._hub.get("/clock")["is_moving"], CLOCK_SECONDS_MAX, "the network's clock to arrive")
        self._fail("DT05")

    def _send(self, orders: Sequence[ReturnOrder]) -> list[SentReturn]:
        """Sends these at the same time, and waits until they are final."""
        sent = self._driver.send_all(orders)
        self.sent += sent
        self._driver.await_final(sent, FINAL_SECONDS_MAX)
        return sent

    def _refused_at_the_bank(self, good: Sequence[SentReturn], paid: Sequence[SentPayment]) -> list[ReturnOrder]:
        order = good[0].order
        owner = order.account_number
        stranger = next(each for each in self._population.customers[order.bank] if each.account_number != owner)
        blocked = next(each for each in paid if each.payment.expected == "AC06")
        (never_arrived,) = orders_of(blocked, [blocked.payment.amount_centavos], self._population)
        return [
            replace(order, idempotency_key="over the rest", expected="amount_centavos"),
            replace(order, idempotency_key="nothing", amount_centavos=0, expected="amount_centavos"),
            replace(order, amount_centavos=order.amount_centavos + 1, expected="idempotency-conflict"),
            replace(order, idempotency_key="withdrawal", reason="SL02", expected="invalid-request"),
            replace(
                order,
                idempotency_key="stranger",
                account_number=stranger.account_number,
                expected="transfer-not-found",
            ),
            replace(never_arrived, expected="original_end_to_end_id"),
        ]

    def _pass_on(self) -> None:
        """A customer without money passes on what it receives, and is then the payer to whom nothing can go back."""
        first, last = self._population.codes[0], self._population.codes[-1]
        friend, broke = self._population.friends(first)[0], self._population.broke(last)
        received = self._pay(self._population.rich(first), broke)
        passed_on = self._pay(broke, friend)
        self._passed_on = passed_on
        self._fail("insufficient-balance", received)
        with self._without_settlement_money(first):
            self._fail("AM04")
        self._hub.call("POST", f"/banks/{last}/suspend")
        try:
            self._fail("DS27")
        finally:
            self._hub.call("POST", f"/banks/{last}/resume")
        self._rest[last].block_account(broke.account_number)
        self._fail("account-blocked", received)
        self._fail("AC06")
        self._rest[last].close_account(broke.account_number)
        self._fail("account-closed", received)
        self._fail("AC07")

    def _fail(self, expected: str, order: ReturnOrder | None = None) -> None:
        order = order or self._passed_on
        assert order is not None, "a payment is passed on first"
        self._send([replace(order, idempotency_key=f"must fail with {expected}", expected=expected)])

    def _pay(self, payer: Customer, payee: Customer) -> ReturnOrder:
        """Pays, and waits until the money has arrived; the order that gives it back."""
        key = payee.keys[0] if payee.keys else self._new_key(payee)
        sent = self._payments.send(payment(payer, key, PASSED_ON_CENTAVOS, f"passed on {payer.account_number}"))
        assert sent.end_to_end_id is not None, f"the payment is refused: {sent.refused}"
        end_to_end_id, bank = sent.end_to_end_id, self._rest[payee.bank_code]

        def has_arrived() -> bool:
            rows = bank.transfers(account_number=payee.account_number)
            return any(row["end_to_end_id"] == end_to_end_id and row["status"] == "confirmed" for row in rows)

        wait_until(has_arrived, FINAL_SECONDS_MAX, "a payment to arrive")
        return ReturnOrder(payee.bank_code, payee.account_number, end_to_end_id, PASSED_ON_CENTAVOS, end_to_end_id)

    def _new_key(self, customer: Customer) -> Key:
        document = self._rest[customer.bank_code].register_key(customer.account_number, "EVP")
        return Key("EVP", str(document["key"]))

    @contextmanager
    def _without_settlement_money(self, code: str) -> Iterator[None]:
        accounts = {str(each["ispb"]): each for each in self._hub.settlement_accounts()}
        ispb = next(str(each["ispb"]) for each in self._hub.banks() if each["code"] == code)
        free = int(accounts[ispb]["balance_centavos"]) - int(accounts[ispb]["reserved_centavos"])
        self._hub.fund(code, -free, str(uuid4()))
        try:
            yield
        finally:
            self._hub.fund(code, free, str(uuid4()))


def returns_between_pairs(paid: Sequence[SentPayment], population: Population) -> list[ReturnOrder]:
    """For each ordered pair of different banks: one completed payment in full, and another one in three parts.

    A pair with a single payment has the full return alone.
    """
    by_pair: dict[tuple[str, str], list[SentPayment]] = {}
    for each in paid:
        if each.end_to_end_id is None or each.payment.expected != "completed":
            continue
        pair = (each.payment.payer_bank, population.owner(each.payment.key).bank_code)
        if pair[0] != pair[1]:
            by_pair.setdefault(pair, []).append(each)
    orders = []
    for whole, *others in by_pair.values():
        orders += orders_of(whole, [whole.payment.amount_centavos], population)
        if others:
            orders += orders_of(others[0], parts_of(others[0].payment.amount_centavos, PARTS), population)
    return orders
