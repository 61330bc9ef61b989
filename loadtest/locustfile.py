"""People who bank: they open an account, look at its page, and pay each other by key, across all banks.

    locust --locustfile loadtest/locustfile.py --headless --users 20 --run-time 1m

A payment counts as done when its own bank shows it as settled; how long that took is the row "settled" of locust's
table. One that fails, or is not settled within `--settle-seconds`, is a failure there, and locust exits with 1.
"""

from __future__ import annotations

import itertools
import random
import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from locust import HttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.exception import StopUser
from stdnum.br import cpf

BANKS_DEFAULT: Final = "http://127.0.0.1:8001,http://127.0.0.1:8002,http://127.0.0.1:8003"
SETTLE_SECONDS_DEFAULT: Final = 10.0
POLL_SECONDS: Final = 0.1
PIN: Final = "4821"
OPENING_DEPOSIT_CENTAVOS: Final = 1_000_000
AMOUNT_CENTAVOS_MAX: Final = 500
SETTLED_STATUSES: Final = frozenset({"confirmed", "completed"})
HIDDEN_INPUT: Final = re.compile(r"<input[^>]*type=\"hidden\"[^>]*>")
ATTRIBUTE: Final = re.compile(r"(name|value)=\"([^\"]*)\"")


@dataclass(frozen=True)
class Friend:
    """Somebody who can be paid."""

    kind: str
    key: str


FRIENDS: Final[list[Friend]] = []
"""Everybody who has a key by now, at any bank."""

_numbers: Final = itertools.count(1)


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: LocustArgumentParser, **_: Any) -> None:
    """Adds our options; each may come from the environment."""
    parser.add_argument(
        "--banks", env_var="CODEPIX_BANKS", default=BANKS_DEFAULT, help="the banks' addresses, separated by commas"
    )
    parser.add_argument(
        "--settle-seconds",
        env_var="CODEPIX_SETTLE_SECONDS",
        type=float,
        default=SETTLE_SECONDS_DEFAULT,
        help="how long a payment may take from its acceptance to its settlement",
    )


def make_cpf() -> str:
    """A valid CPF that nobody was given before, most likely."""
    stem = f"{random.randrange(1, 10**9):09}"
    return next(number for number in (f"{stem}{check:02}" for check in range(100)) if cpf.is_valid(number))


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms, such as the one against forged requests."""
    fields = (dict(ATTRIBUTE.findall(tag)) for tag in HIDDEN_INPUT.findall(page))
    return {field["name"]: field.get("value", "") for field in fields if "name" in field}


class Person(HttpUser):
    """One customer of one bank; customers are spread evenly over the banks."""

    wait_time = between(0.2, 1.0)

    def __init__(self, environment: Any) -> None:
        banks = environment.parsed_options.banks.split(",")
        self.number = next(_numbers)
        self.host = banks[self.number % len(banks)].strip().rstrip("/")
        super().__init__(environment)  # type: ignore[no-untyped-call]
        self.settle_seconds: float = environment.parsed_options.settle_seconds
        self.account_number = ""
        self.friend: Friend | None = None

    def on_start(self) -> None:
        """Opens an account with money in it, gets a key, tells everybody, and signs in."""
        self.account_number = self._create(
            "/api/v1/accounts",
            "open account",
            {
                "name": f"Pessoa Número {self.number}",
                "tax_id": make_cpf(),
                "opening_deposit_centavos": OPENING_DEPOSIT_CENTAVOS,
                "pin": PIN,
            },
        )["number"]
        key = self._create(f"/api/v1/accounts/{self.account_number}/keys", "register key", {"kind": "EVP", "key": ""})
        self.friend = Friend(key["kind"], key["key"])
        FRIENDS.append(self.friend)
        self.sign_in()

    def on_stop(self) -> None:
        """Is not paid any more."""
        if self.friend in FRIENDS:
            FRIENDS.remove(self.friend)

    def sign_in(self) -> None:
        """Signs in with number and PIN, through the page."""
        page = self.client.get("/sign-in", name="sign-in page")
        form = {**hidden_fields(page.text), "account_number": self.account_number, "pin": PIN}
        self.client.post("/sign-in", data=form, name="sign in")

    @task(2)
    def look_at_home(self) -> None:
        """The page with the balance: it must be this customer's."""
        with self.client.get("/", name="home", catch_response=True) as response:
            if self.account_number not in response.text:
                response.failure("the page does not show the account")

    @task(1)
    def read_statement(self) -> None:
        """The statement, as a program reads it."""
        self.client.get(f"/api/v1/accounts/{self.account_number}/statement", name="statement")

    @task(5)
    def pay(self) -> None:
        """Looks a key up, pays to it, and waits until that is settled."""
        others = [friend for friend in FRIENDS if friend != self.friend]
        if not others:
            return
        payee = random.choice(others)
        self.client.get(f"/api/v1/payees/{payee.kind}/{payee.key}", name="find payee")
        transfer = self._create(
            f"/api/v1/accounts/{self.account_number}/transfers",
            "pay",
            {
                "payee_key": {"kind": payee.kind, "key": payee.key},
                "amount_centavos": random.randint(1, AMOUNT_CENTAVOS_MAX),
                "description": "load test",
            },
            {"Idempotency-Key": str(uuid4())},
        )
        self._await_settlement(transfer["end_to_end_id"])

    def _create(
        self, path: str, name: str, document: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Posts a document and returns the answer's. A refusal is a failure of the table, and this person goes home."""
        with self.client.post(path, json=document, headers=headers, name=name, catch_response=True) as response:
            # Not `ok`, which raises when nobody has answered at all.
            if response.status_code not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED):
                response.failure(f"{response.status_code}: {response.text[:200]}")
                raise StopUser
            created: dict[str, Any] = response.json()
            return created

    def _await_settlement(self, end_to_end_id: str) -> None:
        started = time.perf_counter()
        status, reason = "pending", ""
        while status == "pending" and time.perf_counter() - started < self.settle_seconds:
            # locust has replaced it: the other people go on meanwhile.
            time.sleep(POLL_SECONDS)
            found = self.client.get(
                f"/api/v1/transfers/{end_to_end_id}", params={"direction": "outgoing"}, name="find transfer"
            )
            if found.status_code == HTTPStatus.OK:
                status, reason = found.json()["status"], found.json().get("reason") or ""
        problem = None if status in SETTLED_STATUSES else f"{end_to_end_id} is {status} {reason}".rstrip()
        self.environment.events.request.fire(
            request_type="PIX",
            name="settled",
            response_time=(time.perf_counter() - started) * 1_000,
            response_length=0,
            exception=AssertionError(problem) if problem else None,
            context={},
        )
