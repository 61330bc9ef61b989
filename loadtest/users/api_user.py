"""A simulated integrator: pays by REST, each time with an idempotency key, and repeats what was not answered."""

from __future__ import annotations

import time
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from lab.drive.customers import Key
from lab.drive.payments import Payment, PaymentDriver, SentPayment
from lab.read.rest import BankRest, Unreachable
from loadtest.users.customers import Customer
from loadtest.users.load_run import only_visit
from loadtest.users.mix import UserKind
from loadtest.users.simulated_user import EXPECTED_FAILURE_SHARE, Answer, SimulatedUser

REPEATED_SHARE: Final = 0.1
"""Of the payments, those that are sent once more although they were answered, as after a lost answer."""
STATEMENT_SHARE: Final = 0.1
RETRY_SECONDS_MAX: Final = 5.0
NOT_NOW: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
UNKNOWN_KEY: Final = "AC03"
BLOCKED: Final = "AC06"
INSUFFICIENT_BALANCE: Final = "insufficient-balance"
IDEMPOTENCY_CONFLICT: Final = "idempotency-conflict"


class ApiUser(SimulatedUser):
    """One payment, from the look-up of the payee to its end."""

    abstract = False
    kind = UserKind.INTEGRATORS

    @only_visit
    def act(self) -> None:
        """Mostly a payment that must succeed; seldom one that the scheme must refuse."""
        failing = (self.pay_without_money, self.pay_blocked, self.pay_unknown_key, self.change_a_payment)
        for fail in failing:
            if self.chance(EXPECTED_FAILURE_SHARE):
                fail()
                return
        payee = self.load_run.customers.payee(self.random, self.customer)
        self.call("GET", f"/payees/{payee.key_kind}/{payee.key}", "REST: find payee")
        self.pay(self.payment(payee))
        if self.chance(STATEMENT_SHARE):
            self.call("GET", f"/accounts/{self.customer.account_number}/statement", "REST: statement")

    def pay(self, payment: Payment, expected_reason: str = "") -> None:
        """Sends it, sometimes twice, and follows it to its end."""
        begun = time.perf_counter()
        sent = self.driver().send(payment)
        if self.chance(REPEATED_SHARE):
            again = self.driver("REST: pay, repeated").send(payment)
            if again.end_to_end_id != sent.end_to_end_id:
                raise AssertionError(f"an idempotency key made {sent.end_to_end_id} and {again.end_to_end_id}")
        self.follow(begun, sent, expected_reason)

    def pay_without_money(self) -> None:
        self.customer = self.load_run.customers.poor_payer(self.random)
        self.client.base_url = self.customer.bank.url
        payee = self.load_run.customers.payee(self.random, self.customer)
        self._must_be_refused(self.payment(payee), HTTPStatus.UNPROCESSABLE_ENTITY, INSUFFICIENT_BALANCE)

    def pay_blocked(self) -> None:
        self.pay(self.payment(self.load_run.customers.blocked_payee(self.random)), BLOCKED)

    def pay_unknown_key(self) -> None:
        payment = self.payment(self.load_run.customers.payee(self.random, self.customer))
        self.pay(replace(payment, key=Key("EMAIL", f"{uuid4().hex}@unknown.example")), UNKNOWN_KEY)

    def change_a_payment(self) -> None:
        """The same idempotency key for another payment: a mistake of the program's, and the bank notices."""
        payment = self.payment(self.load_run.customers.payee(self.random, self.customer))
        begun = time.perf_counter()
        sent = self.driver().send(payment)
        changed = replace(payment, amount_centavos=payment.amount_centavos + 1)
        self._must_be_refused(changed, HTTPStatus.CONFLICT, IDEMPOTENCY_CONFLICT)
        self.follow(begun, sent)

    def payment(self, payee: Customer) -> Payment:
        return Payment(
            payer_bank=self.customer.bank.code,
            payer_account=self.customer.account_number,
            key=Key(payee.key_kind, payee.key),
            amount_centavos=self.amount_centavos(),
            description="load",
            idempotency_key=str(uuid4()),
        )

    def driver(self, name: str = "REST: pay", expected: HTTPStatus = HTTPStatus.CREATED) -> PaymentDriver:
        """A driver whose requests count under this name; another status than the expected one is a failure."""
        return PaymentDriver({self.customer.bank.code: _LocustBank(self, name, expected)}, RETRY_SECONDS_MAX)

    def follow(self, begun: float, sent: SentPayment, expected_reason: str = "") -> None:
        """Polls the payer's bank until the transfer is decided, and counts the outcome."""
        assert sent.end_to_end_id is not None, "a refusal has ended the visit"
        left = self.load_run.options.settle_seconds - (time.perf_counter() - begun)
        row = self.driver().await_decision(sent, left) or {"status": None, "reason": None}
        self.load_run.settled(begun, sent.end_to_end_id, row["status"], row["reason"] or "", expected_reason)

    def call(self, method: str, path: str, name: str, **arguments: Any) -> Answer:
        """One call of the bank's API. Raises `VisitFailed`."""
        password = self.load_run.options.operator_password
        headers = {"Authorization": f"Bearer {password}"} if password else {}
        return self.ask(method, f"/api/v1{path}", name, headers=headers | arguments.pop("headers", {}), **arguments)

    def _must_be_refused(self, payment: Payment, status: HTTPStatus, reason: str) -> None:
        begun = time.perf_counter()
        sent = self.driver(f"REST: pay ({reason})", status).send(payment)
        if sent.refusal != reason:
            raise AssertionError(f"refused for {sent.refusal} instead of {reason}")
        self.load_run.refused(reason, (time.perf_counter() - begun) * 1_000)


class _LocustBank(BankRest):
    """The REST API of a user's bank through locust's client, which counts each request."""

    def __init__(self, user: ApiUser, name: str, expected: HTTPStatus) -> None:
        super().__init__(user.customer.bank.name, user.customer.bank.url, None)
        self._user = user
        self._name = name
        self._expected = expected

    def _request(self, method: str, path: str, **arguments: Any) -> tuple[int, bytes]:
        if method == "GET":
            address = f"{path}?{urlencode(arguments['params'])}"
            answer = self._user.call(method, address, "REST: find transfer")
        else:
            expected = (self._expected, *NOT_NOW)
            answer = self._user.call(
                method, path, self._name, document=arguments["json"], headers=arguments["headers"], expected=expected
            )
        if answer.status in NOT_NOW:
            raise Unreachable(f"{self.name} answers {answer.status}.")
        return answer.status, answer.text.encode()
