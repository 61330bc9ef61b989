"""The bank is the payer's: it takes orders, debits and asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import grpc

from lab.prove.conform import rules
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group, Need, Profile
from lab.prove.conform.contract import Account
from pix.scheme.errors import SchemeError
from pix.scheme.ids import check_end_to_end_id
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind
from pix.scheme.messages import Side, TransferRequested, account_of
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.people import check_masked_tax_id

GROUP: Final = Group("paying", "Paying: orders and requests")
TIME_TOLERANCE_MS: Final = 60_000
ORDERS_AT_ONCE: Final = 10


def _check_nothing_paid(bench: Bench, account: Account, centavos: int = BALANCE_CENTAVOS) -> None:
    """The account has all its money, and no request of it has left the bank."""
    bench.fence_all()
    bench.check_balance_now(account, centavos)
    sent = [each.message for each in bench.examiner.wire.all_received()]
    left = [
        each for each in sent if isinstance(each, TransferRequested) and each.payer.account_number == account.number
    ]
    bench.check(not left, "A TransferRequested left the bank for an order that it had refused.")


@GROUP.add("debits-first", "the customer is debited when the order is answered", rules.DEBIT_FIRST)
def debits_first(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.await_request(transfer.id)
    bench.check_postings(account, transfer.id, -AMOUNT_CENTAVOS)


@GROUP.add("answers-pending", "an order is answered with the pending transfer", rules.PENDING)
def answers_pending(bench: Bench) -> None:
    account = bench.open_account()
    answer = bench.try_to_pay(account, bench.counterpart().key, AMOUNT_CENTAVOS)
    bench.check_equal(answer.status, 201, "The status of the answer")
    body = answer.body
    bench.check_equal(body.get("side"), "payer", "side")
    bench.check_equal(body.get("status"), "pending", "status")
    bench.check_equal(body.get("amount_centavos"), AMOUNT_CENTAVOS, "amount_centavos")
    bench.check_transfer(body["id"], "pending")


@GROUP.add("end-to-end-id", "the end-to-end id is well formed and of this minute", rules.END_TO_END_ID)
def end_to_end_id(bench: Bench) -> None:
    transfer = bench.pay(bench.open_account(), bench.counterpart().key)
    try:
        check_end_to_end_id(transfer.id, bench.identity.ispb, datetime.now(UTC))
    except SchemeError as error:
        bench.check(False, f"The id {transfer.id} is not one: {error.rule}")
    bench.decisions.await_request(transfer.id)


@GROUP.add("unique-ids", "no two payments have one id, also at the same time", rules.UNIQUE_ID)
def unique_ids(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    transfers = bench.at_once(*[lambda: bench.pay(account, key, 1_00) for _ in range(ORDERS_AT_ONCE)])
    bench.check_equal(len({transfer.id for transfer in transfers}), ORDERS_AT_ONCE, "The number of different ids")
    for transfer in transfers:
        bench.decisions.await_request(transfer.id)


@GROUP.add("request", "TransferRequested says who pays what to whom", rules.REQUEST_CONTENT)
def request_content(bench: Bench) -> None:
    account, payee = bench.open_account(), bench.counterpart()
    before_ms = _now_ms()
    transfer = bench.pay(account, payee.key, 12_34, description="Almoço de sábado")
    request = bench.decisions.await_request(transfer.id)
    bench.check_equal(request.amount_centavos, 12_34, "amount_centavos")
    bench.check_equal(account_of(request.payer), account_of(bench.party_of(account)), "The payer's account")
    bench.check_equal(request.payer.name, account.owner_name, "The payer's name")
    bench.check_equal(request.payee_key, payee.key, "payee_key")
    bench.check_equal(request.description, "Almoço de sábado", "description")
    is_now = before_ms - TIME_TOLERANCE_MS <= request.requested_at_ms <= _now_ms() + TIME_TOLERANCE_MS
    bench.check(is_now, f"requested_at_ms is {request.requested_at_ms}, which is not the time of the order.")


@GROUP.add("masks-tax-id", "the payer's tax id is masked", rules.MASKED)
def masks_tax_id(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    shown = request.payer.tax_id_masked
    try:
        check_masked_tax_id(shown)
    except SchemeError as error:
        bench.check(False, f"tax_id_masked is {shown!r}: {error.rule}")
    bench.check_equal(shown, bench.party_of(account).tax_id_masked, "tax_id_masked")


@GROUP.add("shown-tax-id", "payee_tax_id_masked is that of the look-up, or empty", rules.SHOWN_TAX_ID)
def shown_tax_id(bench: Bench) -> None:
    payee = bench.counterpart()
    request = bench.decisions.await_request(bench.pay(bench.open_account(), payee.key).id)
    found, shown = request.payee_tax_id_masked, payee.party.tax_id_masked
    bench.check(found in ("", shown), f"payee_tax_id_masked is {found!r}, and the directory shows {shown!r}.")


@GROUP.add("initiation", "a payment by key is DICT without txid", rules.NO_INITIATION)
def initiation(bench: Bench) -> None:
    request = bench.decisions.await_request(bench.pay(bench.open_account(), bench.counterpart().key).id)
    bench.check_equal((request.initiation, request.txid), (Initiation.DICT, ""), "Initiation and txid")
    bench.check(request.payee is None, "The request has the payee's account, which only MANU has.")


@GROUP.add("all-kinds-of-keys", "keys of all five kinds are paid", rules.KEY_KINDS)
def all_kinds_of_keys(bench: Bench) -> None:
    account = bench.open_account()
    for kind in KeyKind:
        payee = bench.counterpart(kind)
        request = bench.decisions.await_request(bench.pay(account, payee.key).id)
        bench.check_equal(request.payee_key, payee.key, f"The payee's key of kind {kind}")
        bench.decisions.fail(request)


@GROUP.add("looks-up", "an unknown key is refused after a look-up", rules.LOOKS_UP)
def looks_up(bench: Bench) -> None:
    account, key = bench.open_account(), bench.examiner.people.email()
    answer = bench.try_to_pay(account, key, AMOUNT_CENTAVOS)
    bench.check_refused(answer, "An order to a key that does not exist")
    asked = bench.calls("FindKey", lambda request: request.key.key == key)
    bench.check(asked, "The bank has not looked the key up (FindKey).")
    _check_nothing_paid(bench, account)


@GROUP.add("malformed-key", "a text that is no key is refused", rules.LOOKS_UP)
def malformed_key(bench: Bench) -> None:
    account = bench.open_account()
    for text in ("", "ninguém", "11111111111", "+55", "a@", "x" * 78):
        bench.check_refused(bench.try_to_pay(account, text, AMOUNT_CENTAVOS), f"An order to the key {text[:20]!r}")
    _check_nothing_paid(bench, account)


@GROUP.add("over-balance", "an order over the balance is refused", rules.FUNDS)
def over_balance(bench: Bench) -> None:
    account = bench.open_account(50_00)
    answer = bench.try_to_pay(account, bench.counterpart().key, 50_01)
    bench.check_refused(answer, "An order over the balance")
    _check_nothing_paid(bench, account, 50_00)


@GROUP.add("whole-balance", "the whole balance may be paid", rules.WHOLE_BALANCE)
def whole_balance(bench: Bench) -> None:
    account = bench.open_account(50_00)
    transfer = bench.pay(account, bench.counterpart().key, 50_00)
    bench.check_balance_now(account, 0)
    bench.decisions.await_request(transfer.id)
    again = bench.try_to_pay(account, bench.counterpart().key, 1_00)
    bench.check_refused(again, "A further order from the empty account")


@GROUP.add("amount-range", "amounts below 1 and above the largest are refused", rules.AMOUNT_RANGE)
def amount_range(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    for amount in (0, -1, -AMOUNT_CENTAVOS, AMOUNT_CENTAVOS_MAX + 1, 2**63, -(2**63) - 1):
        bench.check_refused(bench.try_to_pay(account, key, amount), f"An order over {amount} centavos")
    _check_nothing_paid(bench, account)


@GROUP.add("amount-integer", "an amount that is no integer is refused", rules.AMOUNT_INTEGER)
def amount_integer(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    for amount in (15.5, "1500", True, None, [1500], {"centavos": 1500}):
        bench.check_refused(bench.try_to_pay(account, key, amount), f"An order with the amount {amount!r}")
    _check_nothing_paid(bench, account)


@GROUP.add("unknown-account", "an unknown account does not pay", rules.PAYER_ACCOUNT)
def unknown_account(bench: Bench) -> None:
    key = bench.counterpart().key
    for number in ("000000-0", "", "1' OR '1'='1"):
        bench.check_refused(bench.try_to_pay(number, key, AMOUNT_CENTAVOS), f"An order of the account {number!r}")


@GROUP.add(
    "blocked-account",
    "a blocked account does not pay, and pays again once it is open",
    rules.PAYER_BLOCKED,
    profile=Profile.FULL,
    needs=[Need.ACCOUNTS],
)
def blocked_account(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    bench.set_status(account, "blocked")
    bench.check_refused(bench.try_to_pay(account, key, AMOUNT_CENTAVOS), "An order of a blocked account")
    _check_nothing_paid(bench, account)
    bench.set_status(account, "open")
    bench.decisions.await_request(bench.pay(account, key).id)


@GROUP.add(
    "closed-account",
    "a closed account does not pay",
    rules.PAYER_CLOSED,
    profile=Profile.FULL,
    needs=[Need.ACCOUNTS],
)
def closed_account(bench: Bench) -> None:
    account = bench.open_account(0)
    closed = bench.set_status(account, "closed")
    bench.check_equal(closed.status, "closed", "The status of the account")
    answer = bench.try_to_pay(account, bench.counterpart().key, AMOUNT_CENTAVOS)
    bench.check_refused(answer, "An order of a closed account")


@GROUP.add("own-account", "the payer's own account as payee is refused", rules.PAYER_IS_PAYEE)
def own_account(bench: Bench) -> None:
    account, email = bench.open_account(), bench.examiner.people.email()
    registered = bench.register_key(account, KeyKind.EMAIL, email)
    bench.check(registered.is_success, "The key of the payer's own account could not be registered.")
    bench.check_refused(bench.try_to_pay(account, email, AMOUNT_CENTAVOS), "An order to the payer's own key")
    _check_nothing_paid(bench, account)


@GROUP.add("within-the-bank", "a payment between two accounts of the bank goes through the hub", rules.OWN_BANK)
def within_the_bank(bench: Bench) -> None:
    payer, payee, email = bench.open_account(), bench.open_account(0), bench.examiner.people.email()
    bench.check(bench.register_key(payee, KeyKind.EMAIL, email).is_success, "The payee's key could not be registered.")
    transfer = bench.pay(payer, email)
    bench.check_balance_now(payee, 0)
    request = bench.decisions.await_request(transfer.id)
    offer = bench.decisions.make_offer(
        payee, request.amount_centavos, key=request.payee_key, end_to_end_id=transfer.id, payer=request.payer
    )
    bench.decisions.send(offer)
    bench.decisions.await_acceptance(offer)
    bench.check_balance_now(payee, 0)
    bench.decisions.confirm_offer(offer)
    bench.decisions.confirm(request)
    for side in Side:
        bench.decisions.await_processed(transfer.id, side)
        bench.check_transfer(transfer.id, "confirmed", side=side)
    bench.check_balance(payer, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.check_balance(payee, AMOUNT_CENTAVOS)


@GROUP.add("description", "a description travels as it is, up to 140 characters", rules.DESCRIPTION)
def description(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    for text in ("Ação de graças — é 100% <b>&amp;</b> 'seguro' \"hoje\"", "ã" * 140):
        request = bench.decisions.await_request(bench.pay(account, key, description=text).id)
        bench.check_equal(request.description, text, "description")
        bench.decisions.fail(request)


@GROUP.add(
    "long-description",
    "a description of more than 140 characters is refused",
    rules.DESCRIPTION,
    profile=Profile.FULL,
)
def long_description(bench: Bench) -> None:
    account = bench.open_account()
    answer = bench.try_to_pay(account, bench.counterpart().key, AMOUNT_CENTAVOS, description="a" * 141)
    bench.check_refused(answer, "An order with a description of 141 characters")
    _check_nothing_paid(bench, account)


@GROUP.add("hub-unavailable", "without a look-up nothing is paid", rules.UNAVAILABLE_HUB)
def hub_unavailable(bench: Bench) -> None:
    account, payee = bench.open_account(), bench.counterpart()
    bench.hub.fail("FindKey", lambda request: request.key.key == str(payee.key), grpc.StatusCode.UNAVAILABLE, times=5)
    answer = bench.try_to_pay(account, payee.key, AMOUNT_CENTAVOS)
    bench.check(
        answer.is_refusal or answer.status == 503, f"The order was answered with {answer.status}, and not refused."
    )
    _check_nothing_paid(bench, account)


@GROUP.add(
    "look-up-limit", "a look-up over the rate limit refuses the order", rules.LOOK_UP_LIMIT, profile=Profile.FULL
)
def look_up_limit(bench: Bench) -> None:
    account, payee = bench.open_account(), bench.counterpart()
    bench.hub.fail(
        "FindKey",
        lambda request: request.key.key == str(payee.key),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        times=5,
        fields=(("codepix-field", "look_ups"), ("codepix-rule", "too many look-ups"), ("retry-after", "1")),
    )
    bench.check_refused(bench.try_to_pay(account, payee.key, AMOUNT_CENTAVOS), "An order over the limit of look-ups")
    _check_nothing_paid(bench, account)


@GROUP.add("two-at-once", "two orders at the same time do not take more than the balance", rules.MONEY_ONCE)
def two_at_once(bench: Bench) -> None:
    for _ in range(5):
        account, key = bench.open_account(100_00), bench.counterpart().key
        answers = bench.at_once(*[lambda to=account, by=key: bench.try_to_pay(to, by, 60_00) for _ in range(4)])
        taken = [answer for answer in answers if answer.is_success]
        bench.check_equal(len(taken), 1, "The number of orders over 60,00 that an account with 100,00 may pay")
        bench.check_balance_now(account, 40_00)
        bench.decisions.fail(bench.decisions.await_request(taken[0].body["id"]))


@GROUP.add("none-lost", "orders at the same time are all debited", rules.NONE_LOST)
def none_lost(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    transfers = bench.at_once(*[lambda: bench.pay(account, key, 10_00) for _ in range(ORDERS_AT_ONCE)])
    bench.check_balance_now(account, BALANCE_CENTAVOS - ORDERS_AT_ONCE * 10_00)
    for transfer in transfers:
        bench.decisions.await_request(transfer.id)


@GROUP.add("refusals-explained", "a refusal is a problem document", rules.REFUSAL)
def refusals_explained(bench: Bench) -> None:
    answer = bench.try_to_pay(bench.open_account(1_00), bench.counterpart().key, 2_00)
    bench.check_refused(answer, "An order over the balance")
    bench.check(
        answer.content_type.startswith("application/problem+json"),
        f"The content type of a refusal is {answer.content_type!r}, and should be application/problem+json.",
    )


@GROUP.add("not-json", "a body that is no JSON object is refused", rules.REFUSAL, profile=Profile.FULL)
def not_json(bench: Bench) -> None:
    for body in (b"", b"{", b"[]", b'"text"', b"\xff\xfe"):
        bench.check_refused(bench.api.call("POST", "/transfers", raw=body), f"The body {body!r}")


@GROUP.add("missing-field", "an order without a field is refused", rules.REFUSAL)
def missing_field(bench: Bench) -> None:
    account = bench.open_account()
    order = {
        "account": account.number,
        "key": str(bench.counterpart().key),
        "amount_centavos": AMOUNT_CENTAVOS,
        "idempotency_key": bench.examiner.people.text(20),
    }
    for name in order:
        left = {field: value for field, value in order.items() if field != name}
        bench.check_refused(bench.api.call("POST", "/transfers", left), f"An order without {name}")
    _check_nothing_paid(bench, account)


@GROUP.add("unknown-field", "a field that the bank does not know is ignored", rules.UNKNOWN_JSON, profile=Profile.FULL)
def unknown_field(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key, colour="blue", nested={"a": [1]})
    bench.decisions.await_request(transfer.id)


@GROUP.add("unknown-transfer", "an id that the bank does not know is 404", rules.UNKNOWN_TRANSFER)
def unknown_transfer(bench: Bench) -> None:
    for transfer_id in (bench.new_id(), bench.new_return_id(), "nothing"):
        found = bench.api.find_transfer(transfer_id)
        bench.check(found is None, f"The bank shows a transfer {transfer_id}, which does not exist.")


def _now_ms() -> int:
    return round(datetime.now(UTC).timestamp() * 1000)
