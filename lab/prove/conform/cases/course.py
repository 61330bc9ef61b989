"""A bank of the original course: keys, paying, being paid. What that wire cannot give is not asked of it."""

from __future__ import annotations

from typing import Any, Final

from lab.prove.conform.case import Declare, Group, Profile, Rule, Stage
from lab.prove.conform.course import OTHER_CODE, CourseBench
from pix.wire.course_v1.topics import CONFIRMATIONS, TRANSACTIONS

GROUP: Final = Group("course", "Course: the wire of the original banks")
_PAYMENT: Final = "docs/course-mode.md#how-a-payment-goes"
_COMPARED: Final = "docs/course-mode.md#what-was-compared-with-the-original"
_HOLDS: Final = "docs/course-mode.md#what-holds-and-what-that-wire-cannot-give"

KEYS: Final = Rule("The bank looks a key up at the hub, and registers it where none was found.", _COMPARED)
STEP_1: Final = Rule("The payer's bank debits, and writes id, account, amount, key and description.", _PAYMENT)
STEP_3: Final = Rule("The payee's bank credits a `pending`, and echoes it as `confirmed`.", _PAYMENT)
STEP_5: Final = Rule("The payer's bank answers `confirmed` with `completed`.", _PAYMENT)
NOT_FOR_IT: Final = Rule("What is not for one of the bank's customers is not answered, and changes nothing.", _PAYMENT)
UNREADABLE: Final = Rule("What cannot be read changes nothing, and the bank goes on.", _COMPARED)
NO_REFUSAL: Final = Rule("That wire has no refusal: other statuses change nothing.", _HOLDS)


def _add(name: str, title: str, rule: Rule) -> Declare:
    # One at a time: the course gives a bank two accounts, which all cases share.
    return GROUP.add(name, title, rule, profile=Profile.COURSE, stage=Stage.ALONE)


@_add("registers-key", "a key is looked up and then registered", KEYS)
def registers_key(bench: CourseBench) -> None:
    key = bench.own_key(bench.accounts[0])
    calls = [method for method, _, each in bench.examiner.hub.calls if each == key]
    bench.check_equal(calls, ["Find", "RegisterPixKey"], "The calls of the hub for a new key")
    account_id = bench.examiner.hub.keys.get(("email", key))
    bench.check_equal(account_id, bench.accounts[0].account_id, "The account of the key at the hub")


@_add("key-exists", "a key that the bank has is not registered again", KEYS)
def key_exists(bench: CourseBench) -> None:
    key = bench.own_key(bench.accounts[0])
    bench.check_equal(bench.register_key(bench.accounts[0], "email", key), 422, "The status of the second registration")
    registered = [method for method, _, each in bench.examiner.hub.calls if (method, each) == ("RegisterPixKey", key)]
    bench.check_equal(len(registered), 1, "The number of registrations at the hub")


@_add("refused-key", "a kind that the hub refuses is no key of the bank", KEYS)
def refused_key(bench: CourseBench) -> None:
    status = bench.register_key(bench.accounts[0], "phone", "+5511987654321")
    bench.check(status >= 400, f"The registration of a key that the hub refuses was answered with {status}.")


def _pay(bench: CourseBench, amount: int) -> dict[str, Any]:
    """A payment of the second account to a key of another bank; its record of step 1."""
    key = bench.examiner.people.email()
    status = bench.pay(bench.accounts[1], key, amount)
    bench.check(status == 201, f"The order to pay was answered with {status}.")
    return bench.await_record(TRANSACTIONS, lambda record: record.get("pixkeyto") == key, f"a payment to {key}")


@_add("pays", "a payment is written to `transactions`", STEP_1)
def pays(bench: CourseBench) -> None:
    record = _pay(bench, 7)
    bench.check_equal(record.get("accountid"), bench.accounts[1].account_id, "accountId")
    bench.check_equal(record.get("amount"), 7, "amount")
    bench.check_equal(record.get("pixkeykindto"), "email", "pixKeyKindTo")
    bench.check_equal(record.get("description"), "Almoço", "description")
    bench.check(record.get("id"), "The payment has no id.")


@_add("debits", "the payer is debited", STEP_1)
def debits(bench: CourseBench) -> None:
    before = bench.balance(bench.accounts[1])
    _pay(bench, 9)
    bench.check_equal(bench.balance(bench.accounts[1]), before - 9, "The payer's balance")


@_add("ids-differ", "two payments have two ids", STEP_1)
def ids_differ(bench: CourseBench) -> None:
    ids = {_pay(bench, 3)["id"] for _ in range(2)}
    bench.check_equal(len(ids), 2, "The number of different ids")


@_add("completes", "`confirmed` is answered with `completed`", STEP_5)
def completes(bench: CourseBench) -> None:
    record = _pay(bench, 5)
    before = bench.balance(bench.accounts[1])
    sent = bench.pending(record["pixkeyto"], 5, id=record["id"], accountId=record["accountid"], status="confirmed")

    def is_completed(each: dict[str, Any]) -> bool:
        return each.get("id") == record["id"] and each.get("status") == "completed"

    bench.send(sent)
    completed = bench.await_record(CONFIRMATIONS, is_completed, f"`completed` of {record['id']}")
    bench.check_equal(completed.get("amount"), 5, "The amount of `completed`")
    bench.send(sent)
    bench.fence()
    bench.check_equal(bench.balance(bench.accounts[1]), before, "The payer's balance after `confirmed` came twice")


@_add("credits", "`pending` is credited once, and echoed as `confirmed`", STEP_3)
def credits_payee(bench: CourseBench) -> None:
    account = bench.accounts[0]
    key = bench.own_key(account)
    before = bench.balance(account)
    message = bench.pending(key, 11)
    bench.send(message)
    confirmed = bench.await_confirmed(message)
    bench.check_equal(bench.balance(account), before + 11, "The payee's balance")
    expected = {name.lower(): value for name, value in message.items()} | {"status": "confirmed"}
    bench.check_equal({name: confirmed.get(name) for name in expected}, expected, "The content of `confirmed`")


@_add("not-its-topic", "a record on the other bank's topic is not answered", NOT_FOR_IT)
def not_its_topic(bench: CourseBench) -> None:
    account = bench.accounts[0]
    before = bench.balance(account)
    message = bench.pending(bench.examiner.key, 13)
    bench.send(message, OTHER_CODE)
    bench.fence()
    answers = bench.records(CONFIRMATIONS, lambda record: record.get("id") == message["id"])
    bench.check(not answers, "The bank answered what was sent to another bank.")
    bench.check_equal(bench.balance(account), before + 1, "The balance after the fence's R$ 1")


@_add("unknown-key", "a payment to a key that the bank does not have is not answered", NOT_FOR_IT)
def unknown_key(bench: CourseBench) -> None:
    message = bench.pending(bench.examiner.people.email(), 17)
    bench.send(message)
    bench.fence()
    answers = bench.records(CONFIRMATIONS, lambda record: record.get("id") == message["id"])
    bench.check(not answers, "The bank answered a payment to a key that it does not have.")


@_add("unreadable", "what is no payment changes nothing", UNREADABLE)
def unreadable(bench: CourseBench) -> None:
    before = bench.balance(bench.accounts[0])
    for value in (b"", b"\xff\xfe", b"no JSON", b"[]", b"{}", b"null", b'{"status":"pending"}'):
        bench.send(value)
    bench.fence()
    bench.check_equal(bench.balance(bench.accounts[0]), before + 1, "The balance after the fence's R$ 1")


@_add("other-status", "other statuses change nothing", NO_REFUSAL)
def other_status(bench: CourseBench) -> None:
    record = _pay(bench, 2)
    before = bench.balance(bench.accounts[1])
    for status in ("error", "rejected", "unknown"):
        bench.send(bench.pending(record["pixkeyto"], 2, id=record["id"], status=status))
    bench.fence()
    bench.check_equal(bench.balance(bench.accounts[1]), before, "The payer's balance")
