"""A simulated integrator: pays by REST, each time with an idempotency key, and repeats what it is not sure of."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import gevent

from loadtest.users.customers import Customer
from loadtest.users.load_run import SETTLED, VisitFailed
from loadtest.users.mix import UserKind
from loadtest.users.simulated_user import EXPECTED_FAILURE_SHARE, Answer, SimulatedUser

REPEATED_SHARE: Final = 0.1
"""Of the payments, those that are sent once more although they were answered, as after a lost answer."""
STATEMENT_SHARE: Final = 0.1
TRIES_MAX: Final = 3
RETRY_SECONDS: Final = 0.5
POLL_SECONDS_FIRST: Final = 0.1
POLL_GROWTH: Final = 1.5
POLL_SECONDS_MAX: Final = 2.0
NOT_NOW: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
UNKNOWN_KEY: Final = "AC03"
BLOCKED: Final = "AC06"
INSUFFICIENT_BALANCE: Final = "insufficient-balance"
IDEMPOTENCY_CONFLICT: Final = "idempotency-conflict"


class ApiUser(SimulatedUser):
    """One payment, from the look-up of the payee to its end."""

    abstract = False
    kind = UserKind.INTEGRATORS

    def act(self) -> None:
        """Mostly a payment that must succeed; seldom one that the scheme must refuse."""
        failing = (self.pay_without_money, self.pay_blocked, self.pay_unknown_key, self.change_a_payment)
        for fail in failing:
            if self.chance(EXPECTED_FAILURE_SHARE):
                fail()
                return
        payee = self.load_run.customers.payee(self.random, self.customer)
        self.call("GET", f"/payees/{payee.key_kind}/{payee.key}", "REST: find payee")
        self.pay(self.order(payee))
        if self.chance(STATEMENT_SHARE):
            self.call("GET", f"/accounts/{self.customer.account_number}/statement", "REST: statement")

    def pay(self, order: dict[str, Any], expected_reason: str = "") -> None:
        """Sends it, sometimes twice, and asks until it is final."""
        begun = time.perf_counter()
        key = str(uuid4())
        end_to_end_id = self.send(order, key).document["end_to_end_id"]
        if self.chance(REPEATED_SHARE):
            again = self.send(order, key, "REST: pay, repeated").document["end_to_end_id"]
            if again != end_to_end_id:
                raise AssertionError(f"the same idempotency key made {end_to_end_id} and {again}")
        self.await_end(begun, end_to_end_id, expected_reason)

    def pay_without_money(self) -> None:
        """From an account without a centavo."""
        self.customer = self.load_run.customers.poor_payer(self.random)
        self.client.base_url = self.customer.bank.url
        payee = self.load_run.customers.payee(self.random, self.customer)
        self._must_be_refused(self.order(payee), str(uuid4()), HTTPStatus.UNPROCESSABLE_ENTITY, INSUFFICIENT_BALANCE)

    def pay_blocked(self) -> None:
        """To an account that is blocked: its bank refuses, and the money comes back."""
        self.pay(self.order(self.load_run.customers.blocked_payee(self.random)), BLOCKED)

    def pay_unknown_key(self) -> None:
        """To an unknown key: the hub rejects it."""
        order = self.order(self.load_run.customers.payee(self.random, self.customer))
        self.pay({**order, "payee_key": {"kind": "EMAIL", "key": f"{uuid4().hex}@unknown.example"}}, UNKNOWN_KEY)

    def change_a_payment(self) -> None:
        """The same idempotency key for another payment: a mistake of the program's, and the bank notices."""
        key = str(uuid4())
        order = self.order(self.load_run.customers.payee(self.random, self.customer))
        begun = time.perf_counter()
        end_to_end_id = self.send(order, key).document["end_to_end_id"]
        changed = {**order, "amount_centavos": order["amount_centavos"] + 1}
        self._must_be_refused(changed, key, HTTPStatus.CONFLICT, IDEMPOTENCY_CONFLICT)
        self.await_end(begun, end_to_end_id)

    def order(self, payee: Customer) -> dict[str, Any]:
        return {
            "payee_key": {"kind": payee.key_kind, "key": payee.key},
            "amount_centavos": self.amount_centavos(),
            "description": "load",
        }

    def send(
        self,
        order: dict[str, Any],
        idempotency_key: str,
        name: str = "REST: pay",
        expected: tuple[int, ...] = (HTTPStatus.CREATED,),
    ) -> Answer:
        """Posts the payment; what the bank cannot take now it takes with the same key later. Raises `VisitFailed`."""
        for attempt in range(1, TRIES_MAX + 1):
            is_last = attempt == TRIES_MAX
            answer = self.call(
                "POST",
                f"/accounts/{self.customer.account_number}/transfers",
                name,
                order,
                {"Idempotency-Key": idempotency_key},
                expected if is_last else (*expected, *NOT_NOW),
            )
            if answer.status in expected:
                return answer
            gevent.sleep(RETRY_SECONDS * attempt)
        raise VisitFailed

    def await_end(self, begun: float, end_to_end_id: str, expected_reason: str = "") -> None:
        """Asks how it stands, less often from time to time."""
        pause = POLL_SECONDS_FIRST
        while time.perf_counter() - begun < self.load_run.options.settle_seconds:
            gevent.sleep(pause)
            pause = min(pause * POLL_GROWTH, POLL_SECONDS_MAX)
            found = self.call("GET", f"/transfers/{end_to_end_id}?direction=outgoing", "REST: find transfer").document
            if found["status"] in SETTLED or found["status"] == "failed":
                self.load_run.settled(begun, end_to_end_id, found["status"], found["reason"] or "", expected_reason)
                return
        self.load_run.settled(begun, end_to_end_id, None, expected_reason=expected_reason)

    def call(
        self,
        method: str,
        path: str,
        name: str,
        document: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        expected: tuple[int, ...] = (HTTPStatus.OK,),
    ) -> Answer:
        """One call of the bank's API. Raises `VisitFailed`."""
        password = self.load_run.options.operator_password
        allowed = {"Authorization": f"Bearer {password}"} if password else {}
        return self.ask(
            method, f"/api/v1{path}", name, document=document, headers={**allowed, **(headers or {})}, expected=expected
        )

    def _must_be_refused(self, order: dict[str, Any], key: str, status: int, reason: str) -> None:
        begun = time.perf_counter()
        answer = self.send(order, key, f"REST: pay ({reason})", (status,))
        if answer.problem != reason:
            raise AssertionError(f"refused for {answer.problem} instead of {reason}")
        self.load_run.refused(reason, (time.perf_counter() - begun) * 1_000)
