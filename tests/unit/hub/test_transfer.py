"""The states of a transfer, the one table that moves it, and what is owed in each of them."""

from __future__ import annotations

from itertools import product

import pytest

from hub.domain.flows.transfer.model import (
    TRANSITIONS,
    TransferStatus,
    Trigger,
    move,
    outcome_message,
    owed,
    owes_outcome,
)
from pix.scheme.flows import IllegalTransition
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Outcome, Side, TransferConfirmed, TransferFailed, TransferOffered
from pix.scheme.reasons import ReasonCode
from tests.support.hub_builders import (
    ANA,
    AURORA,
    BIA,
    IPE,
    NOW_MS,
    completed,
    confirmed,
    failed,
    failed_at_once,
    requested,
    transfer,
)

STATUSES = list(TransferStatus)


def test_the_table_is_the_protocol() -> None:
    assert dict(TRANSITIONS) == {
        (None, Trigger.REQUEST): TransferStatus.PENDING,
        (None, Trigger.REFUSAL): TransferStatus.FAILED,
        (TransferStatus.PENDING, Trigger.ACCEPTANCE): TransferStatus.CONFIRMED,
        (TransferStatus.PENDING, Trigger.REJECTION): TransferStatus.FAILED,
        (TransferStatus.PENDING, Trigger.TIMEOUT): TransferStatus.FAILED,
        (TransferStatus.PENDING, Trigger.SUSPENSION): TransferStatus.FAILED,
        (TransferStatus.CONFIRMED, Trigger.COMPLETION): TransferStatus.COMPLETED,
    }


@pytest.mark.parametrize(("status", "trigger"), list(product(STATUSES, Trigger)))
def test_every_move_is_in_the_table_or_illegal(status: TransferStatus, trigger: Trigger) -> None:
    before = transfer(status=status)
    if (status, trigger) in TRANSITIONS:
        assert move(before, trigger, NOW_MS, ReasonCode.AB03).status is TRANSITIONS[status, trigger]
    else:
        with pytest.raises(IllegalTransition, match=f"{trigger} of a transfer that is {status}"):
            move(before, trigger, NOW_MS)


def test_a_decision_starts_the_counting_of_resends_anew() -> None:
    moved = move(transfer(resend_count=7, resends=7), Trigger.ACCEPTANCE, NOW_MS + 5)
    assert (moved.resend_count, moved.resends, moved.decided_at_ms) == (0, 7, NOW_MS + 5)


def test_completion_closes_and_keeps_the_time_of_the_decision() -> None:
    moved = move(confirmed(), Trigger.COMPLETION, NOW_MS + 99)
    assert (moved.closed_at_ms, moved.decided_at_ms) == (NOW_MS + 99, NOW_MS + 10)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (TransferStatus.PENDING, None),
        (TransferStatus.CONFIRMED, Outcome.CONFIRMED),
        (TransferStatus.COMPLETED, Outcome.CONFIRMED),
        (TransferStatus.FAILED, Outcome.FAILED),
    ],
)
def test_the_outcome_is_what_was_decided(status: TransferStatus, outcome: Outcome | None) -> None:
    assert transfer(status=status).outcome is outcome


def test_a_pending_transfer_owes_its_offer_to_the_payees_bank() -> None:
    ((receiver, offer),) = owed(transfer())
    assert receiver == IPE
    assert isinstance(offer, TransferOffered)
    assert (offer.payer, offer.payee, offer.offered_at_ms) == (ANA, BIA, NOW_MS)
    assert owed(transfer(payee=None)) == ()
    assert owed(transfer(offered_at_ms=None)) == ()


def test_a_confirmed_transfer_owes_the_outcome_to_each_bank_until_it_has_processed_it() -> None:
    assert [(receiver, message.side) for receiver, message in _confirmations(confirmed())] == [
        (AURORA, Side.PAYER),
        (IPE, Side.PAYEE),
    ]
    payer_done = confirmed(payer_processed_at_ms=NOW_MS)
    assert [receiver for receiver, _ in owed(payer_done)] == [IPE]
    payee_done = confirmed(payee_processed_at_ms=NOW_MS)
    assert [receiver for receiver, _ in owed(payee_done)] == [AURORA]


def _confirmations(subject: object) -> list[tuple[str, TransferConfirmed]]:
    messages = owed(subject)  # type: ignore[arg-type]
    return [(receiver, message) for receiver, message in messages if isinstance(message, TransferConfirmed)]


def test_a_completed_transfer_owes_nothing_and_still_knows_what_it_said() -> None:
    assert owed(completed()) == ()
    assert outcome_message(completed(), Side.PAYEE) == outcome_message(confirmed(), Side.PAYEE)


def test_a_failed_transfer_owes_the_reason_to_both_when_it_had_been_offered() -> None:
    messages = owed(failed(ReasonCode.AC07))
    assert [
        (receiver, message.reason, message.side)
        for receiver, message in messages
        if isinstance(message, TransferFailed)
    ] == [
        (AURORA, ReasonCode.AC07, Side.PAYER),
        (IPE, ReasonCode.AC07, Side.PAYEE),
    ]


def test_a_payee_that_was_never_offered_the_transfer_is_owed_nothing() -> None:
    assert [receiver for receiver, _ in owed(failed_at_once())] == [AURORA]
    assert not owes_outcome(failed_at_once(), Side.PAYEE)


def test_a_transfer_to_a_key_of_nobody_is_owed_to_the_payer_alone() -> None:
    subject = failed_at_once(ReasonCode.AC03, payee=None)
    ((receiver, message),) = owed(subject)
    assert receiver == AURORA
    assert isinstance(message, TransferFailed)
    assert message.payee is None
    assert outcome_message(subject, Side.PAYEE) is None


def test_a_bank_that_is_both_sides_is_owed_a_message_for_each() -> None:
    subject = confirmed(payee=ANA)
    assert [(receiver, message.side) for receiver, message in _confirmations(subject)] == [
        (AURORA, Side.PAYER),
        (AURORA, Side.PAYEE),
    ]


def test_nothing_is_said_of_an_outcome_before_there_is_one() -> None:
    assert outcome_message(transfer(), Side.PAYER) is None
    assert not owes_outcome(transfer(), Side.PAYER)
    assert outcome_message(confirmed(payee=None), Side.PAYER) is None


def test_what_is_owed_depends_on_the_row_alone() -> None:
    for subject in (transfer(), confirmed(), completed(), failed(), failed_at_once()):
        assert owed(subject) == owed(subject)


@pytest.mark.parametrize(
    "change",
    [
        {"amount_centavos": 1},
        {"payer": BIA},
        {"payee_key": PixKey(KeyKind.EMAIL, "other@example.com")},
        {"description": "jantar"},
        {"payee_tax_id_masked": ""},
    ],
)
def test_a_request_is_the_same_only_with_the_same_content(change: dict[str, object]) -> None:
    assert transfer().has_content_of(requested())
    assert not transfer().has_content_of(requested(**change))


def test_the_time_of_a_request_is_no_content() -> None:
    assert transfer().has_content_of(requested(requested_at_ms=1))
