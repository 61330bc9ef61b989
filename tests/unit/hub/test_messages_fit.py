"""Whatever the hub takes it can say again: offers, confirmations, failures and refusals fit into a record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.flows.transfer.decisions import decide, decide_retransmission, decide_timeout
from hub.domain.flows.transfer.model import Transfer
from hub.domain.settlement import SettlementAccount
from pix.scheme.checks import check_offer, check_outcome, check_request
from pix.scheme.errors import SchemeError
from pix.scheme.ids import ACCOUNT_NUMBER_LENGTH_MAX, BRANCH_LENGTH_MAX
from pix.scheme.keys import KEY_LENGTH_MAX, KeyKind, PixKey
from pix.scheme.messages import (
    MESSAGES_OF_HUB,
    HubMessage,
    Party,
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.messages.transfers import FromBank
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.people import PERSON_NAME_LENGTH_MAX
from pix.scheme.reasons import PAYEE_BANK_REASONS
from pix.scheme.texts import DESCRIPTION_LENGTH_MAX
from pix.scheme.times import TIME_MS_MAX
from pix.wire.protobuf_v1.codec import decode_message, encode_record
from pix.wire.record import BANK_VALUE_BYTES_MAX
from tests.support.hub_builders import ANA, AURORA, IPE, NOW_MS, POLICY, e2e, facts, key_entry, network, requested

WIDE = "\N{GRINNING FACE}"
"""Four bytes in UTF-8, which no character exceeds."""
LONGEST_KEY = PixKey(KeyKind.EMAIL, "a" * (KEY_LENGTH_MAX - len("@example.com")) + "@example.com")
LONGEST_MASK = "**.ABC.345/01DE-**"
DECIDED_AT_MS = TIME_MS_MAX


def longest_party(ispb: str) -> Party:
    return Party(
        ispb, "9" * BRANCH_LENGTH_MAX, "Z" * ACCOUNT_NUMBER_LENGTH_MAX, WIDE * PERSON_NAME_LENGTH_MAX, LONGEST_MASK
    )


LONGEST = TransferRequested(
    end_to_end_id=e2e(at_ms=NOW_MS),
    amount_centavos=AMOUNT_CENTAVOS_MAX,
    payer=longest_party(AURORA),
    payee_key=LONGEST_KEY,
    payee_tax_id_masked=LONGEST_MASK,
    description=WIDE * DESCRIPTION_LENGTH_MAX,
    requested_at_ms=TIME_MS_MAX,
)
PAYEE = replace(longest_party(IPE), account_number="Y" * ACCOUNT_NUMBER_LENGTH_MAX)


def read_again(message: HubMessage) -> HubMessage:
    """The message as the bank's side of the wire reads it. Raises RecordError when it is too long."""
    value = encode_record(message, "codepix.bank.001.v1", "hub", b"key").value
    read = decode_message(type(message).__name__, value, MESSAGES_OF_HUB)
    assert read == message
    return message


def lives_of(request: TransferRequested) -> list[HubMessage]:
    """Every message of every life of the request: accepted, rejected, timed out, repeated, refused for another."""
    rich = network(
        keys={} if request.payee_key is None else {request.payee_key: key_entry(request.payee_key, PAYEE)},
        accounts={ispb: SettlementAccount(ispb, AMOUNT_CENTAVOS_MAX, 0) for ispb in (AURORA, IPE)},
    )
    said: list[HubMessage] = []

    def after(transfer: Transfer | None, message: FromBank, sender: str, now_ms: int = NOW_MS) -> Transfer:
        decision = decide(transfer, message, facts(sender, rich, now_ms))
        said.extend(each for _, each in decision.messages)
        assert decision.row is not None and not decision.dead_letter
        return decision.row

    pending = after(None, request, AURORA)
    after(pending, request, AURORA)
    after(pending, replace(request, amount_centavos=1), AURORA)
    said.extend(each for _, each in decide_retransmission(pending, NOW_MS, NOW_MS, POLICY).messages)
    accepted = after(pending, TransferAccepted(request.end_to_end_id, request.amount_centavos), IPE, DECIDED_AT_MS)
    after(accepted, request, AURORA)
    for reason in PAYEE_BANK_REASONS:
        rejection = TransferRejected(request.end_to_end_id, request.amount_centavos, reason)
        after(pending, rejection, IPE, DECIDED_AT_MS)
    said.extend(each for _, each in decide_timeout(pending, DECIDED_AT_MS, DECIDED_AT_MS, POLICY).messages)
    # Refused at once, as a row and without one.
    after(None, replace(request, amount_centavos=2**63 - 1), AURORA)
    unknown = decide(None, request, facts(AURORA, replace(rich, keys={})))
    said.extend(each for _, each in unknown.messages)
    return said


def test_the_longest_request_can_be_offered_confirmed_and_failed() -> None:
    check_request(LONGEST)
    said = [read_again(message) for message in lives_of(LONGEST)]
    assert {type(message) for message in said} == {TransferOffered, TransferConfirmed, TransferFailed}
    sides = {message.side for message in said if isinstance(message, (TransferConfirmed, TransferFailed))}
    assert sides == {Side.PAYER, Side.PAYEE}
    for message in said:
        # No honest bank gets what it must refuse.
        if isinstance(message, TransferOffered):
            check_offer(message)
        elif isinstance(message, (TransferConfirmed, TransferFailed)):
            check_outcome(message)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
fitting = st.builds(
    lambda name, description: requested(payer=replace(ANA, name=name), description=description, payee_tax_id_masked=""),
    st.text(max_size=PERSON_NAME_LENGTH_MAX),
    st.text(max_size=DESCRIPTION_LENGTH_MAX),
)


@given(fitting)
def test_every_accepted_request_can_be_said_again(request: TransferRequested) -> None:
    try:
        check_request(request)
    except SchemeError:
        return
    for message in lives_of(request):
        read_again(message)


@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "requested_at_ms": st.integers(-(2**63), 2**63 - 1),
            "amount_centavos": st.integers(-(2**63), 2**63 - 1),
            "payee_tax_id_masked": texts,
            "end_to_end_id": texts | st.just(e2e()),
            "payee_key": st.builds(PixKey, st.sampled_from(KeyKind), texts),
        },
    ),
    party=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("ispb", "branch", "account_number", "name", "tax_id_masked"), texts)
    ),
    filler=st.characters(exclude_categories=["Cs"]),
)
def test_every_request_that_is_read_gets_an_answer_that_can_be_read(
    changes: dict[str, Any], party: dict[str, str], filler: str
) -> None:
    request = replace(requested(**changes), payer=replace(ANA, **party), description="")
    room = BANK_VALUE_BYTES_MAX - len(encode_record(request, "t", AURORA, b"key").value) - 8
    # As long as the hub reads it at all.
    request = replace(request, description=filler * (room // len(filler.encode())))
    assert len(encode_record(request, "t", AURORA, b"key").value) <= BANK_VALUE_BYTES_MAX
    decision = decide(None, request, facts(AURORA, now_ms=TIME_MS_MAX))
    ((receiver, answer),) = decision.messages
    assert receiver == AURORA
    assert isinstance(read_again(answer), TransferFailed)
    assert decision.row is None
