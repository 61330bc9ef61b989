"""The return's messages to and from Protobuf (`codepix.v1`)."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import Message as Protobuf

from codepix.v1 import returns_pb2 as wire
from pix.scheme.messages import Message
from pix.scheme.messages.returns import (
    ReturnAccepted,
    ReturnConfirmed,
    ReturnFailed,
    ReturnOffered,
    ReturnProcessed,
    ReturnRejected,
    ReturnRequested,
)
from pix.wire.protobuf_v1.parts import (
    OUTCOME_FROM_WIRE,
    OUTCOME_TO_WIRE,
    SIDE_FROM_WIRE,
    SIDE_TO_WIRE,
    Decoders,
    Encoders,
    from_wire,
    party_from_wire,
    party_to_wire,
    reason_from_wire,
)


def _encode_requested(message: ReturnRequested) -> Protobuf:
    return wire.ReturnRequested(
        return_id=message.return_id,
        original_end_to_end_id=message.original_end_to_end_id,
        amount_centavos=message.amount_centavos,
        reason_code=message.reason.value,
        description=message.description,
        requested_at_ms=message.requested_at_ms,
    )


def _decode_requested(parsed: wire.ReturnRequested) -> Message:
    return ReturnRequested(
        parsed.return_id,
        parsed.original_end_to_end_id,
        parsed.amount_centavos,
        reason_from_wire(parsed.reason_code),
        parsed.description,
        parsed.requested_at_ms,
    )


def _encode_offered(message: ReturnOffered) -> Protobuf:
    return wire.ReturnOffered(
        return_id=message.return_id,
        original_end_to_end_id=message.original_end_to_end_id,
        amount_centavos=message.amount_centavos,
        reason_code=message.reason.value,
        description=message.description,
        payer=party_to_wire(message.payer),
        payee=party_to_wire(message.payee),
        offered_at_ms=message.offered_at_ms,
    )


def _decode_offered(parsed: wire.ReturnOffered) -> Message:
    return ReturnOffered(
        parsed.return_id,
        parsed.original_end_to_end_id,
        parsed.amount_centavos,
        reason_from_wire(parsed.reason_code),
        parsed.description,
        party_from_wire(parsed.payer),
        party_from_wire(parsed.payee),
        parsed.offered_at_ms,
    )


def _encode_accepted(message: ReturnAccepted) -> Protobuf:
    return wire.ReturnAccepted(
        return_id=message.return_id,
        original_end_to_end_id=message.original_end_to_end_id,
        amount_centavos=message.amount_centavos,
    )


def _decode_accepted(parsed: wire.ReturnAccepted) -> Message:
    return ReturnAccepted(parsed.return_id, parsed.original_end_to_end_id, parsed.amount_centavos)


def _encode_rejected(message: ReturnRejected) -> Protobuf:
    return wire.ReturnRejected(
        return_id=message.return_id,
        original_end_to_end_id=message.original_end_to_end_id,
        amount_centavos=message.amount_centavos,
        reason_code=message.reason.value,
    )


def _decode_rejected(parsed: wire.ReturnRejected) -> Message:
    return ReturnRejected(
        parsed.return_id,
        parsed.original_end_to_end_id,
        parsed.amount_centavos,
        reason_from_wire(parsed.reason_code),
    )


def _encode_confirmed(message: ReturnConfirmed) -> Protobuf:
    return wire.ReturnConfirmed(
        return_id=message.return_id,
        original_end_to_end_id=message.original_end_to_end_id,
        side=SIDE_TO_WIRE[message.side],
        amount_centavos=message.amount_centavos,
        return_reason_code=message.return_reason.value,
        payer=party_to_wire(message.payer),
        payee=party_to_wire(message.payee),
        description=message.description,
        confirmed_at_ms=message.confirmed_at_ms,
    )


def _decode_confirmed(parsed: wire.ReturnConfirmed) -> Message:
    return ReturnConfirmed(
        parsed.return_id,
        parsed.original_end_to_end_id,
        from_wire(SIDE_FROM_WIRE, parsed.side, "side"),
        parsed.amount_centavos,
        reason_from_wire(parsed.return_reason_code, "return_reason_code"),
        party_from_wire(parsed.payer),
        party_from_wire(parsed.payee),
        parsed.description,
        parsed.confirmed_at_ms,
    )


def _encode_failed(message: ReturnFailed) -> Protobuf:
    return wire.ReturnFailed(
        return_id=message.return_id,
        original_end_to_end_id=message.original_end_to_end_id,
        side=SIDE_TO_WIRE[message.side],
        reason_code=message.reason.value,
        amount_centavos=message.amount_centavos,
        return_reason_code=message.return_reason.value,
        payer=None if message.payer is None else party_to_wire(message.payer),
        payee=None if message.payee is None else party_to_wire(message.payee),
        description=message.description,
        failed_at_ms=message.failed_at_ms,
    )


def _decode_failed(parsed: wire.ReturnFailed) -> Message:
    return ReturnFailed(
        parsed.return_id,
        parsed.original_end_to_end_id,
        from_wire(SIDE_FROM_WIRE, parsed.side, "side"),
        reason_from_wire(parsed.reason_code),
        parsed.amount_centavos,
        reason_from_wire(parsed.return_reason_code, "return_reason_code"),
        party_from_wire(parsed.payer) if parsed.HasField("payer") else None,
        party_from_wire(parsed.payee) if parsed.HasField("payee") else None,
        parsed.description,
        parsed.failed_at_ms,
    )


def _encode_processed(message: ReturnProcessed) -> Protobuf:
    return wire.ReturnProcessed(
        return_id=message.return_id,
        original_end_to_end_id=message.original_end_to_end_id,
        side=SIDE_TO_WIRE[message.side],
        outcome=OUTCOME_TO_WIRE[message.outcome],
        amount_centavos=message.amount_centavos,
        reason_code="" if message.reason is None else message.reason.value,
    )


def _decode_processed(parsed: wire.ReturnProcessed) -> Message:
    return ReturnProcessed(
        parsed.return_id,
        parsed.original_end_to_end_id,
        from_wire(SIDE_FROM_WIRE, parsed.side, "side"),
        from_wire(OUTCOME_FROM_WIRE, parsed.outcome, "outcome"),
        parsed.amount_centavos,
        reason_from_wire(parsed.reason_code) if parsed.reason_code else None,
    )


ENCODERS: Final[Encoders] = {
    ReturnRequested: _encode_requested,
    ReturnOffered: _encode_offered,
    ReturnAccepted: _encode_accepted,
    ReturnRejected: _encode_rejected,
    ReturnConfirmed: _encode_confirmed,
    ReturnFailed: _encode_failed,
    ReturnProcessed: _encode_processed,
}

DECODERS: Final[Decoders] = {
    "ReturnRequested": (ReturnRequested, wire.ReturnRequested, _decode_requested),
    "ReturnOffered": (ReturnOffered, wire.ReturnOffered, _decode_offered),
    "ReturnAccepted": (ReturnAccepted, wire.ReturnAccepted, _decode_accepted),
    "ReturnRejected": (ReturnRejected, wire.ReturnRejected, _decode_rejected),
    "ReturnConfirmed": (ReturnConfirmed, wire.ReturnConfirmed, _decode_confirmed),
    "ReturnFailed": (ReturnFailed, wire.ReturnFailed, _decode_failed),
    "ReturnProcessed": (ReturnProcessed, wire.ReturnProcessed, _decode_processed),
}
