"""The stand-in against what was observed of the course's Nest bank: the recorded conversations, and its faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from lab.course_bank.bank import CourseBank, Failed, HubError, KeyExists
from lab.course_bank.fixtures import accounts_of
from lab.course_bank.store import Store
from tests.unit.course.test_transcript import LINES

BALANCE: Final = 40
PAULO, PAULA = (account.account_id for account in accounts_of("001"))
DORA = accounts_of("002")[1].account_id
NEST_CASES: Final = tuple(dict.fromkeys(line["case"] for line in LINES if line["case"].startswith("nest_")))


@dataclass
class HubOfTest:
    keys: set[tuple[str, str]] = field(default_factory=set)
    trouble: str = ""

    def find(self, kind: str, key: str) -> None:
        if self.trouble:
            raise HubError(self.trouble)
        if (kind, key) not in self.keys:
            raise HubError("no key was found")

    def register(self, kind: str, key: str, account_id: str) -> None:
        if kind not in ("email", "cpf"):
            raise HubError("invalid type of key")
        self.keys.add((kind, key))


@dataclass
class World:
    hub: HubOfTest
    banks: dict[str, CourseBank]
    stores: dict[str, Store]

    def balance(self, code: str, account_id: str) -> int:
        account = self.stores[code].account(account_id)
        assert account is not None
        return account.balance


@pytest.fixture
def world() -> Iterator[World]:
    """Two banks with the keys of the recorded conversations; each next id is that of the case."""
    hub = HubOfTest()
    stores = {"001": Store(), "002": Store()}
    banks = {}
    for code, store in stores.items():
        store.seed(accounts_of(code), BALANCE)
        banks[code] = CourseBank(code, store, hub)
    banks["002"].register_key(DORA, "email", "dora@example.com")
    banks["001"].register_key(PAULA, "cpf", "52998224725")
    yield World(hub, banks, stores)
    for store in stores.values():
        store.close()


@pytest.mark.parametrize("case", NEST_CASES)
def test_it_says_what_the_nest_bank_said(world: World, case: str) -> None:
    lines = [line for line in LINES if line["case"] == case and "value" in line]
    request = json.loads(lines[0]["value"])
    store = world.stores["001"]
    payer = CourseBank("001", store, world.hub, new_id=iter([request["id"], "credit"]).__next__)
    before = world.balance("001", request["accountId"])

    _, said = payer.pay(
        request["accountId"], request["pixKeyKindTo"], request["pixkeyto"], request["amount"], request["description"]
    )

    assert said == (lines[0]["topic"], lines[0]["value"])
    assert world.balance("001", request["accountId"]) == before - request["amount"]
    banks = {"bank001": payer, "bank002": world.banks["002"]}
    answers: list[tuple[str, str]] = []
    for line in lines[1:]:
        if line["direction"] == "out":
            for code in ("bank001", "bank002"):
                answers += banks[code].take(line["topic"], line["value"])
        else:
            assert answers.pop(0) == (line["topic"], line["value"])
    assert answers == []
    if len(lines) == 1:
        # Nothing came back: the row stays pending, and the money is gone.
        assert [each.status for each in store.transactions()] == ["pending"]


def _pending(**changes: Any) -> str:
    record = {
        "id": "00000000-0000-4000-8000-000000000001", "accountId": "x", "amount": 5, "pixKeyTo": "dora@example.com",
        "pixKeyKindTo": "email", "description": "coffee", "status": "pending", "error": "",
    }  # fmt: skip
    return json.dumps(record | changes)


@pytest.mark.parametrize(
    ("changes", "balance", "answers"),
    [
        ({}, 45, 1),
        ({"amount": 1.5}, 40, 0),
        ({"amount": "5"}, 405, 1),
        ({"amount": 5.00}, 45, 1),
        ({"pixKeyTo": "nobody@example.com"}, 40, 0),
        ({"description": None}, 40, 0),
        ({"description": ""}, 45, 1),
        ({"colour": "blue"}, 45, 1),
        ({"status": "rejected"}, 40, 0),
        ({"status": "error"}, 40, 0),
    ],
)
def test_what_it_does_with_a_pending(world: World, changes: dict[str, Any], balance: int, answers: int) -> None:
    got = world.banks["002"].take("bank002", _pending(**changes))

    assert (world.balance("002", DORA), len(got)) == (balance, answers)
    if answers:
        assert json.loads(got[0][1])["status"] == "confirmed"
        assert json.loads(got[0][1]).get("colour") == changes.get("colour")


def test_it_credits_the_same_pending_twice(world: World) -> None:
    for _ in range(2):
        assert len(world.banks["002"].take("bank002", _pending())) == 1

    assert world.balance("002", DORA) == 50


@pytest.mark.parametrize("value", ["hello", "{}", "[]", '"x"'])
def test_it_lives_on_after_what_is_no_message(world: World, value: str) -> None:
    assert world.banks["002"].take("bank002", value) == []


def test_it_ignores_the_topic_of_the_other_bank(world: World) -> None:
    assert world.banks["001"].take("bank002", _pending()) == []


def test_it_completes_again_when_it_is_told_again_and_never_a_payment_that_it_has_not(world: World) -> None:
    debit, _ = world.banks["001"].pay(PAULO, "email", "dora@example.com", 5, "coffee")
    confirmed = _pending(id=debit.id, status="confirmed")

    first, second = world.banks["001"].take("bank001", confirmed), world.banks["001"].take("bank001", confirmed)

    assert first == second and json.loads(first[0][1])["status"] == "completed"
    assert world.banks["001"].take("bank001", _pending(id="unknown", status="confirmed")) == []


@pytest.mark.parametrize(("amount", "description"), [(1.5, "x"), (5, None), ("5", "x"), (None, "x")])
def test_it_fails_at_what_its_columns_do_not_hold(world: World, amount: Any, description: Any) -> None:
    with pytest.raises(Failed):
        world.banks["001"].pay(PAULO, "email", "dora@example.com", amount, description)

    assert world.balance("001", PAULO) == BALANCE


def test_keys_are_looked_up_first_and_registered_second(world: World) -> None:
    with pytest.raises(KeyExists):
        world.banks["002"].register_key(DORA, "email", "dora@example.com")
    # Another bank has it: it is stored all the same.
    world.banks["001"].register_key(PAULO, "email", "dora@example.com")
    assert world.stores["001"].account_of_key("email", "dora@example.com") == PAULO
    with pytest.raises(Failed, match="invalid type of key"):
        world.banks["001"].register_key(PAULO, "phone", "+5511900000000")
    world.hub.trouble = "the hub's database does not answer, try again"
    with pytest.raises(Failed, match="does not answer"):
        world.banks["001"].register_key(PAULO, "email", "new@example.com")
