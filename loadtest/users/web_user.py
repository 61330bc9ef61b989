"""Simulated users of a bank's pages: they sign in, look, and do one or two things."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import ClassVar, Final

import gevent

from loadtest.users.customers import PIN, Customer
from loadtest.users.event_stream import read_events
from loadtest.users.load_run import SETTLED, only_visit
from loadtest.users.mix import UserKind
from loadtest.users.pages import (
    copy_and_paste,
    end_to_end_id,
    hidden_field,
    live_address,
    reason,
    removable_random_keys,
    stage,
)
from loadtest.users.simulated_user import EXPECTED_FAILURE_SHARE, Answer, SimulatedUser
from pix.scheme import brcode
from pix.scheme.keys import KEYS_PER_PERSON_ACCOUNT

SEE_AND_REFUSE: Final = (HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY)
"""The page, or the page with the rule that stands against it."""
CLICKS_ON_DEMO: Final = 0.5
"""The share of sign-ins by the list of demo accounts, where the bank has one, rather than by PIN."""
SIGN_OUT_SHARE: Final = 0.5
CSV_SHARE: Final = 0.1
INSUFFICIENT_BALANCE: Final = "insufficient-balance"
KEY_LIMIT_REACHED: Final = "key-limit-reached"
LOOK_UP_LIMIT_REACHED: Final = "look-up-limit-reached"
BLOCKED: Final = "AC06"


class WebUser(SimulatedUser):
    abstract = False
    kind = UserKind.PEOPLE
    ACTS: ClassVar[dict[str, int]] = {
        "pay_by_key": 5,
        "pay_by_code": 3,
        "read_statement": 3,
        "receive": 3,
        "register_key": 1,
    }
    """The actions of a visit, with their weights."""

    @only_visit
    def act(self) -> None:
        if self.chance(EXPECTED_FAILURE_SHARE):
            self.customer = self.load_run.customers.poor_payer(self.random)
            self.client.base_url = self.customer.bank.url
            self.pay_without_money()
            return
        home = self.sign_in()
        self.watch_live_part(home, "live: home")
        names = list(self.ACTS)
        for name in self.random.choices(names, list(self.ACTS.values()), k=self.random.randint(1, 2)):
            act: Callable[[], None] = getattr(self, name)
            act()
        if self.chance(SIGN_OUT_SHARE):
            page = self.open_page("GET", "/", "home")
            self.open_page("POST", "/sign-out", "sign out", {"csrf_token": hidden_field(page.text, "csrf_token")})

    def sign_in(self) -> Answer:
        page = self.open_page("GET", "/sign-in", "sign-in page")
        form = {"csrf_token": hidden_field(page.text, "csrf_token"), "account_number": self.customer.account_number}
        if 'action="/sign-in/demo"' in page.text and self.chance(CLICKS_ON_DEMO):
            home = self.open_page("POST", "/sign-in/demo", "sign in by a click", form)
        else:
            home = self.open_page("POST", "/sign-in", "sign in with the PIN", {**form, "pin": PIN})
        if self.customer.account_number not in home.text:
            raise AssertionError("home does not show the account that signed in")
        return home

    def read_statement(self) -> None:
        self.open_page("GET", "/statement", "statement")
        self.think()
        if self.chance(CSV_SHARE):
            self.open_page("GET", "/statement.csv", "statement as CSV")
        else:
            self.open_page("GET", "/statement?direction=out", "statement, filtered")

    def receive(self) -> None:
        """Makes a code for an amount, keeps it for the next payer, and waits a while for the money."""
        self.open_page("GET", "/receive", "receive")
        self.think()
        query = f"key={self.customer.key.replace('+', '%2B')}&amount={self._typed(self.amount_centavos())}&message=load"
        page = self.open_page("GET", f"/receive?{query}", "receive: make the code")
        self.load_run.codes.append((self.customer, copy_and_paste(page.text)))
        self.watch_live_part(page, "live: receive")

    def register_key(self) -> None:
        """A random key; who has as many as the scheme allows removes one first."""
        page = self.open_page("GET", "/keys", "my keys")
        removable = [address for address in removable_random_keys(page.text) if self.customer.key not in address]
        if page.text.count("data-key=") >= KEYS_PER_PERSON_ACCOUNT:
            if not removable:
                return
            page = self.open_page(
                "GET", removable[-1], "my keys: remove?", expected=(HTTPStatus.OK, HTTPStatus.NOT_FOUND)
            )
            if page.status == HTTPStatus.NOT_FOUND:
                return
            form = {name: hidden_field(page.text, name) for name in ("csrf_token", "kind", "key")}
            page = self.open_page("POST", "/keys/remove", "my keys: remove", form)
        self.think()
        form = {"csrf_token": hidden_field(page.text, "csrf_token"), "kind": "EVP"}
        answer = self.open_page("POST", "/keys", "my keys: register", form, expected=SEE_AND_REFUSE)
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            # Somebody else has signed in to the same account meanwhile, and was quicker.
            self.load_run.refused(KEY_LIMIT_REACHED)

    def pay_by_key(self) -> None:
        """Types a key, and pays its owner; seldom a blocked account."""
        page = self.open_page("GET", "/pay", "pay")
        is_blocked = self.chance(EXPECTED_FAILURE_SHARE)
        payee = (
            self.load_run.customers.blocked_payee(self.random)
            if is_blocked
            else self.load_run.customers.payee(self.random, self.customer)
        )
        answer = self._look_up("/pay", "pay: look up the key", page, {"key": payee.key})
        if answer is not None:
            self._pay(answer, self.amount_centavos(), BLOCKED if is_blocked else "")

    def pay_by_code(self) -> None:
        """Pastes another user's BR Code, or one such as a shop prints."""
        page = self.open_page("GET", "/pay?way=code", "pay: paste")
        code, amount_centavos = self._code()
        answer = self._look_up("/pay/code", "pay: read the code", page, {"code": code})
        if answer is not None:
            self._pay(answer, amount_centavos, "")

    def pay_without_money(self) -> None:
        """Comes as far as the amount, and no further."""
        self.sign_in()
        page = self.open_page("GET", "/pay", "pay")
        payee = self.load_run.customers.payee(self.random, self.customer)
        answer = self._look_up("/pay", "pay: look up the key", page, {"key": payee.key})
        if answer is None:
            return
        begun = time.perf_counter()
        form = {name: hidden_field(answer.text, name) for name in ("csrf_token", "payee")}
        form |= {"amount": self._typed(self.amount_centavos()), "description": ""}
        refused = self.open_page(
            "POST", "/pay/amount", "pay: amount", form, expected=(HTTPStatus.UNPROCESSABLE_ENTITY,)
        )
        assert refused.status == HTTPStatus.UNPROCESSABLE_ENTITY
        self.load_run.refused(INSUFFICIENT_BALANCE, (time.perf_counter() - begun) * 1_000)

    def open_page(
        self,
        method: str,
        path: str,
        name: str,
        form: dict[str, str] | None = None,
        *,
        expected: tuple[int, ...] = (HTTPStatus.OK,),
    ) -> Answer:
        """One page view. Raises `VisitFailed`."""
        answer = self.ask(method, path, name, form=form, expected=expected)
        self.load_run.measures.page_views += 1
        return answer

    def watch_live_part(self, page: Answer, name: str) -> None:
        """Looks at a page for a while, with its live part open as a browser has it."""
        address = live_address(page.text)
        if address is None:
            self.think()
            return
        for _ in read_events(self.client, address, name, self._moment()):
            pass

    def think(self) -> None:
        gevent.sleep(self._moment())

    def _moment(self) -> float:
        """Seconds; most people are quick, and some are not."""
        mean = self.load_run.options.think_seconds
        return self.random.expovariate(1 / mean) if mean else 0.0

    def _typed(self, amount_centavos: int) -> str:
        return f"{amount_centavos // 100},{amount_centavos % 100:02d}"

    def _code(self) -> tuple[str, int]:
        """Another user's code, and its amount."""
        codes = [code for whose, code in self.load_run.codes if whose is not self.customer]
        if codes:
            text = self.random.choice(codes)
            return text, brcode.decode(text).amount_centavos or self.amount_centavos()
        payee: Customer = self.load_run.customers.payee(self.random, self.customer)
        amount_centavos = self.amount_centavos()
        code = brcode.BRCode(payee.key, payee.name, "Sao Paulo", amount_centavos=amount_centavos)
        return brcode.encode(code), amount_centavos

    def _look_up(self, path: str, name: str, page: Answer, form: dict[str, str]) -> Answer | None:
        """The page that asks how much; None when this customer has looked up too many keys and has to wait."""
        self.think()
        form["csrf_token"] = hidden_field(page.text, "csrf_token")
        answer = self.open_page("POST", path, name, form, expected=(HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS))
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self.load_run.refused(LOOK_UP_LIMIT_REACHED)
            return None
        return answer

    def _pay(self, page: Answer, amount_centavos: int, expected_reason: str) -> None:
        """The amount, the confirmation, and then the transfer's page until it is at rest."""
        self.think()
        form = {name: hidden_field(page.text, name) for name in ("csrf_token", "payee")}
        form |= {"amount": self._typed(amount_centavos), "description": "load"}
        review = self.open_page("POST", "/pay/amount", "pay: amount", form)
        self.think()
        form = {name: hidden_field(review.text, name) for name in ("csrf_token", "order")}
        clicked = time.perf_counter()
        self._watch(self.open_page("POST", "/pay/confirm", "pay: confirm", form), clicked, expected_reason)

    def _watch(self, page: Answer, clicked: float, expected_reason: str) -> None:
        """From the click on: the stages as the page shows them, by its own event stream."""
        transfer = end_to_end_id(page.text)
        seen, why = stage(page.text), reason(page.text)
        is_reported = False

        def progress() -> None:
            nonlocal is_reported
            if not is_reported and (seen in SETTLED or seen == "failed"):
                is_reported = True
                self.load_run.settled(clicked, transfer, seen, why, expected_reason)

        progress()
        address = live_address(page.text)
        if address is not None:
            seconds = self.load_run.options.settle_seconds - (time.perf_counter() - clicked)
            for event, data in read_events(self.client, address, "live: transfer", seconds):
                if event == "fragment":
                    seen, why = stage(data), reason(data)
                    progress()
                if event == "final":
                    break
        if not is_reported:
            self.load_run.settled(clicked, transfer, None, expected_reason=expected_reason)
        if seen == "completed":
            self.load_run.completed(clicked)
