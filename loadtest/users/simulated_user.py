"""The base of users of pages and of the REST API: one visit to one bank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Final, cast
from urllib.parse import urlencode

from locust import FastHttpUser, constant
from locust.env import Environment

from loadtest.users.customers import Customer
from loadtest.users.load_run import HOST, VisitFailed, load_run_of
from loadtest.users.mix import UserKind
from loadtest.users.pages import error_text

REQUEST_SECONDS_MAX: Final = 30.0
"""A bank that takes longer for an answer has failed."""
COMPLAINT_LENGTH_MAX: Final = 120
AMOUNT_CENTAVOS_MAX: Final = 5_00
EXPECTED_FAILURE_SHARE: Final = 0.02
"""Of the payments, those that are made to be refused for one reason or another, of each reason."""
ANY_STATUS: Final = frozenset(range(100, 600))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    document: Any = None

    @property
    def problem(self) -> str:
        """The name of the problem that the API has."""
        return str(self.document.get("type", "")).rpartition(":")[2] if isinstance(self.document, dict) else ""


class SimulatedUser(FastHttpUser):
    """Comes once, makes the visit that its subclass has, and goes."""

    abstract = True
    wait_time = constant(0)
    network_timeout = REQUEST_SECONDS_MAX
    connection_timeout = REQUEST_SECONDS_MAX
    host: str | None = HOST
    kind: ClassVar[UserKind]

    def __init__(self, environment: Environment) -> None:
        self.load_run = load_run_of(environment)
        self.random = self.load_run.random
        self.customer: Customer = self.load_run.customers.payer(self.random)
        self.host = self.customer.bank.url
        super().__init__(environment)
        # The user decides which status is a failure; locust's client would throw away the body of a refusal.
        cast("Any", self.client.client).valid_response_codes = ANY_STATUS

    def ask(
        self,
        method: str,
        path: str,
        name: str,
        *,
        form: Mapping[str, str] | None = None,
        document: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        expected: tuple[int, ...] = (HTTPStatus.OK,),
    ) -> Answer:
        """One request, which is a failure in locust's table unless its status is expected. Raises `VisitFailed`."""
        sent = dict(headers or {})
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        with self.client.request(
            method,
            path,
            name=name,
            data=None if form is None else urlencode(form),
            json=document,
            headers=sent,
            catch_response=True,
        ) as response:
            answer = _read(response)
            if answer.status not in expected:
                problem = f"{answer.status or response.error!r} {answer.problem or error_text(answer.text)}".strip()
                response.failure(problem[:COMPLAINT_LENGTH_MAX])
                self.load_run.measures.trouble(f"{name}: {problem[:COMPLAINT_LENGTH_MAX]}")
                raise VisitFailed
            response.success()
            return answer

    def amount_centavos(self) -> int:
        """An amount so small that no account runs out of money."""
        return self.random.randint(1, AMOUNT_CENTAVOS_MAX)

    def chance(self, share: float) -> bool:
        return self.random.random() < share


def _read(response: Any) -> Answer:
    text = response.text or ""
    is_json = "json" in str((response.headers or {}).get("content-type", ""))
    return Answer(response.status_code or 0, text, response.json() if is_json and text else None)
