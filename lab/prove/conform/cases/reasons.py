"""Every reason code that a bank gives or gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lab.prove.conform import rules
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group, Need, Profile
from lab.prove.conform.contract import Account
from pix.scheme.initiation import Initiation
from pix.scheme.messages import Outcome, Party, Side, TransferOffered, TransferRejected
from pix.scheme.reasons import ReasonCode
from pix.scheme.reasons.transfers import REASONS

GROUP: Final = Group("reasons", "Reasons: every code that a bank gives or gets")


def _check_rejected(bench: Bench, offer: TransferOffered, *codes: ReasonCode) -> TransferRejected:
    """The bank rejects the offer with one of the codes."""
    bench.decisions.send(offer)
    answer = bench.await_answer(offer)
    if not isinstance(answer, TransferRejected):
        bench.check(False, "The bank accepted the offer, and should have rejected it.")
        raise AssertionError("the check raises")
    expected = " or ".join(codes)
    bench.check(
        answer.reason in codes, f"The bank rejected the offer with {answer.reason}, and should do so with {expected}."
    )
    return answer


def _stranger(bench: Bench, **changes: str) -> Party:
    """An account that the bank does not have."""
    party = Party(bench.identity.ispb, "0001", "999999-9", "Ninguém", "***.456.789-**")
    return replace(party, **changes)


@GROUP.add("ac03-unknown-account", "an unknown account is rejected with AC03", rules.AC03)
def ac03_unknown_account(bench: Bench) -> None:
    _check_rejected(bench, bench.decisions.make_offer(_stranger(bench), AMOUNT_CENTAVOS), ReasonCode.AC03)


@GROUP.add("ac03-other-branch", "an account of another branch is rejected with AC03", rules.AC03, profile=Profile.FULL)
def ac03_other_branch(bench: Bench) -> None:
    party = bench.party_of(bench.open_account())
    branch = "9999" if party.branch != "9999" else "9998"
    offer = bench.decisions.make_offer(replace(party, branch=branch), AMOUNT_CENTAVOS)
    _check_rejected(bench, offer, ReasonCode.AC03)


@GROUP.add("ac03-other-bank", "an account of another bank is rejected with AC03", rules.AC03, profile=Profile.FULL)
def ac03_other_bank(bench: Bench) -> None:
    party = bench.party_of(bench.open_account())
    offer = bench.decisions.make_offer(replace(party, ispb=bench.examiner.other.ispb), AMOUNT_CENTAVOS)
    _check_rejected(bench, offer, ReasonCode.AC03)


@GROUP.add(
    "ac06-blocked", "a blocked account is rejected with AC06", rules.AC06, profile=Profile.FULL, needs=[Need.ACCOUNTS]
)
def ac06_blocked(bench: Bench) -> None:
    account = bench.open_account()
    bench.set_status(account, "blocked")
    _check_rejected(bench, bench.decisions.make_offer(account, AMOUNT_CENTAVOS), ReasonCode.AC06)
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add(
    "ac07-closed", "a closed account is rejected with AC07", rules.AC07, profile=Profile.FULL, needs=[Need.ACCOUNTS]
)
def ac07_closed(bench: Bench) -> None:
    account = bench.open_account(0)
    bench.set_status(account, "closed")
    _check_rejected(bench, bench.decisions.make_offer(account, AMOUNT_CENTAVOS), ReasonCode.AC07)


@GROUP.add(
    "ac14-type",
    "an account for salaries is rejected with AC14",
    rules.AC14,
    profile=Profile.FULL,
    needs=[Need.ACCOUNT_TYPES],
)
def ac14_type(bench: Bench) -> None:
    account = bench.open_account(account_type="SLRY")
    _check_rejected(bench, bench.decisions.make_offer(account, AMOUNT_CENTAVOS), ReasonCode.AC14)


@GROUP.add("am09-amount", "an amount of zero or below is rejected with AM09", rules.AM09)
def am09_amount(bench: Bench) -> None:
    account = bench.open_account()
    for amount in (0, -AMOUNT_CENTAVOS, 100_000_000_000):
        _check_rejected(bench, bench.decisions.make_offer(account, amount), ReasonCode.AM09)
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add(
    "be01-typed-tax-id",
    "a typed account with another tax id is rejected with BE01",
    rules.BE01,
    profile=Profile.FULL,
    needs=[Need.MANU],
)
def be01_typed_tax_id(bench: Bench) -> None:
    party = bench.party_of(bench.open_account())
    middle = "000.000" if "000.000" not in party.tax_id_masked else "111.111"
    typed = replace(party, tax_id_masked=f"***.{middle}-**")
    offer = bench.decisions.make_offer(typed, AMOUNT_CENTAVOS, initiation=Initiation.MANU)
    _check_rejected(bench, offer, ReasonCode.BE01)


@GROUP.add(
    "be17-unknown-charge",
    "a payment by dynamic code without a charge is rejected with BE17",
    rules.BE17,
    profile=Profile.FULL,
)
def be17_unknown_charge(bench: Bench) -> None:
    account = bench.open_account()
    txid = bench.examiner.people.text(30)
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS, initiation=Initiation.QRDN, txid=txid)
    _check_rejected(bench, offer, ReasonCode.BE17)


@GROUP.add("ed05-malformed", "an offer with a malformed field is rejected with ED05", rules.ED05, profile=Profile.FULL)
def ed05_malformed(bench: Bench) -> None:
    account = bench.open_account()
    good = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    wrong = (
        {"description": "a" * 141},
        {"description": "duas\nlinhas"},
        {"payer": replace(good.payer, name="")},
        {"payer": replace(good.payer, ispb="123")},
        {"payer": replace(good.payer, tax_id_masked="12345678900")},
        {"payee": replace(good.payee, account_number="número")},
        {"offered_at_ms": 0},
    )
    for change in wrong:
        offer = replace(good, end_to_end_id=bench.new_id(), **change)
        _check_rejected(bench, offer, ReasonCode.ED05)
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add("rejection-moves-nothing", "a rejected offer is shown as failed", rules.REJECTION_MOVES_NOTHING)
def rejection_moves_nothing(bench: Bench) -> None:
    offer = bench.decisions.make_offer(_stranger(bench), AMOUNT_CENTAVOS)
    rejected = _check_rejected(bench, offer, ReasonCode.AC03)
    bench.check_equal(rejected.amount_centavos, AMOUNT_CENTAVOS, "amount_centavos")
    bench.decisions.fail_offer(offer, ReasonCode.AC03)
    processed = bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_equal(processed.outcome, Outcome.FAILED, "outcome")


def _check_shown(bench: Bench, account: Account, codes: list[ReasonCode]) -> None:
    """The payer's bank refunds and shows each of the codes."""
    key = bench.counterpart().key
    requests = [bench.decisions.await_request(bench.pay(account, key, 2_00).id) for _ in codes]
    for request, code in zip(requests, codes, strict=True):
        bench.decisions.fail(request, code)
    for request, code in zip(requests, codes, strict=True):
        processed = bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
        bench.check_equal(processed.reason, code, "The reason of OutcomeProcessed")
        bench.check_transfer(request.end_to_end_id, "failed", reason=code)
    bench.check_balance(account, BALANCE_CENTAVOS)


@GROUP.add("all-codes-shown", "the payer's bank shows every reason code, and refunds", rules.SHOWS_REASON)
def all_codes_shown(bench: Bench) -> None:
    # DUPL is about another transfer with the same id: the group of duplicates has it.
    _check_shown(bench, bench.open_account(), [code for code in REASONS if code is not ReasonCode.DUPL])


@GROUP.add("codes-without-payee", "a refusal that names no payee is refunded", rules.SHOWS_REASON)
def codes_without_payee(bench: Bench) -> None:
    account = bench.open_account()
    for code in (ReasonCode.CH16, ReasonCode.FF08, ReasonCode.RC09, ReasonCode.RC10, ReasonCode.DS27):
        payee = bench.counterpart()
        request = bench.decisions.await_request(bench.pay(account, payee.key).id)
        bench.decisions.send(replace(bench.decisions.make_failure(request, code), payee=None))
        bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
        bench.check_transfer(request.end_to_end_id, "failed", reason=code)
    bench.check_balance(account, BALANCE_CENTAVOS)


@GROUP.add("codes-of-the-hub", "the payee's bank shows why the hub has failed a transfer", rules.SHOWS_REASON)
def codes_of_the_hub(bench: Bench) -> None:
    account = bench.open_account()
    for code in (ReasonCode.AB03, ReasonCode.DS27):
        offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
        bench.decisions.await_acceptance(offer)
        bench.decisions.fail_offer(offer, code)
        processed = bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
        bench.check_equal(processed.reason, code, "The reason of OutcomeProcessed")
        bench.check_transfer(offer.end_to_end_id, "failed", reason=code, side="payee")
    bench.check_balance(account, BALANCE_CENTAVOS)
