"""The transfer's messages to and from Protobuf (`codepix.v1`)."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import Message as Protobuf

from codepix.v1 import common_pb2 as common
from codepix.v1 import transfers_pb2 as wire
from pix.scheme.initiation import Initiation
from pix.scheme.keys import PixKey
from pix.scheme.messages import (
    Message,
    OutcomeProcessed,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
    TransferRequested,
)
from pix.wire.protobuf_v1.parts import (
    OUTCOME_FROM_WIRE,
    OUTCOME_TO_WIRE,
    SIDE_FROM_WIRE,
    SIDE_TO_WIRE,
    Decoders,
    Encoders,
    from_wire,
    key_from_wire,
    key_to_wire,
    party_from_wire,
    party_to_wire,
    reason_from_wire,
)

# DICT is sent as nothing, so that the message of a transfer by key is the same as of a version without the field.
_INITIATION_TO_WIRE: Final = {
    Initiation.MANU: common.INITIATION_MANU,
    Initiation.DICT: common.INITIATION_UNSPECIFIED,
    Initiation.QRES: common.INITIATION_QRES,
    Initiation.QRDN: common.INITIATION_QRDN,
}
_INITIATION_FROM_WIRE: Final = {
    common.INITIATION_UNSPECIFIED: Initiation.DICT,
    common.INITIATION_MANU: Initiation.MANU,
    common.INITIATION_DICT: Initiation.DICT,
    common.INITIATION_QRES: Initiation.QRES,
    common.INITIATION_QRDN: Initiation.QRDN,
}


def _payee_key_to_wire(key: PixKey | None) -> common.PixKey | None:
    return None if key is None else key_to_wire(key)


def _payee_key_from_wire(
    parsed: wire.TransferRequested | wire.TransferOffered | wire.TransferConfirmed | wire.TransferFailed,
) -> PixKey | None:
    return key_from_wire(parsed.payee_key) if parsed.HasField("payee_key") else None


def _encode_requested(message: TransferRequested) -> Protobuf:
    return wire.TransferRequested(
        end_to_end_id=message.end_to_end_id,
        amount_centavos=message.amount_centavos,
        payer=party_to_wire(message.payer),
        payee_key=_payee_key_to_wire(message.payee_key),
        payee_tax_id_masked=message.payee_tax_id_masked,
        description=message.description,
        requested_at_ms=message.requested_at_ms,
        payee=party_to_wire(message.payee) if message.payee else None,
        initiation=_INITIATION_TO_WIRE[message.initiation],
        txid=message.txid,
    )


def _decode_requested(parsed: wire.TransferRequested) -> Message:
    return TransferRequested(
        parsed.end_to_end_id,
        parsed.amount_centavos,
        party_from_wire(parsed.payer),
        _payee_key_from_wire(parsed),
        parsed.payee_tax_id_masked,
        parsed.description,
        parsed.requested_at_ms,
        party_from_wire(parsed.payee) if parsed.HasField("payee") else None,
        from_wire(_INITIATION_FROM_WIRE, parsed.initiation, "initiation"),
        parsed.txid,
    )


def _encode_offered(message: TransferOffered) -> Protobuf:
    return wire.TransferOffered(
        end_to_end_id=message.end_to_end_id,
        amount_centavos=message.amount_centavos,
        payer=party_to_wire(message.payer),
        payee=party_to_wire(message.payee),
        payee_key=_payee_key_to_wire(message.payee_key),
        description=message.description,
        offered_at_ms=message.offered_at_ms,
        initiation=_INITIATION_TO_WIRE[message.initiation],
        txid=message.txid,
    )


def _decode_offered(parsed: wire.TransferOffered) -> Message:
    return TransferOffered(
        parsed.end_to_end_id,
        parsed.amount_centavos,
        party_from_wire(parsed.payer),
        party_from_wire(parsed.payee),
        _payee_key_from_wire(parsed),
        parsed.description,
        parsed.offered_at_ms,
        from_wire(_INITIATION_FROM_WIRE, parsed.initiation, "initiation"),
        parsed.txid,
    )


def _encode_accepted(message: TransferAccepted) -> Protobuf:
    return wire.TransferAccepted(end_to_end_id=message.end_to_end_id, amount_centavos=message.amount_centavos)


def _decode_accepted(parsed: wire.TransferAccepted) -> Message:
    return TransferAccepted(parsed.end_to_end_id, parsed.amount_centavos)


def _encode_rejected(message: TransferRejected) -> Protobuf:
    return wire.TransferRejected(
        end_to_end_id=message.end_to_end_id,
        amount_centavos=message.amount_centavos,
        reason_code=message.reason.value,
    )


def _decode_rejected(parsed: wire.TransferRejected) -> Message:
    return TransferRejected(parsed.end_to_end_id, parsed.amount_centavos, reason_from_wire(parsed.reason_code))


def _encode_confirmed(message: TransferConfirmed) -> Protobuf:
    return wire.TransferConfirmed(
        end_to_end_id=message.end_to_end_id,
        side=SIDE_TO_WIRE[message.side],
        amount_centavos=message.amount_centavos,
        payer=party_to_wire(message.payer),
        payee=party_to_wire(message.payee),
        payee_key=_payee_key_to_wire(message.payee_key),
        description=message.description,
        confirmed_at_ms=message.confirmed_at_ms,
        initiation=_INITIATION_TO_WIRE[message.initiation],
        txid=message.txid,
    )


def _decode_confirmed(parsed: wire.TransferConfirmed) -> Message:
    return TransferConfirmed(
        parsed.end_to_end_id,
        from_wire(SIDE_FROM_WIRE, parsed.side, "side"),
        parsed.amount_centavos,
        party_from_wire(parsed.payer),
        party_from_wire(parsed.payee),
        _payee_key_from_wire(parsed),
        parsed.description,
        parsed.confirmed_at_ms,
        from_wire(_INITIATION_FROM_WIRE, parsed.initiation, "initiation"),
        parsed.txid,
    )


def _encode_failed(message: TransferFailed) -> Protobuf:
    return wire.TransferFailed(
        end_to_end_id=message.end_to_end_id,
        side=SIDE_TO_WIRE[message.side],
        reason_code=message.reason.value,
        amount_centavos=message.amount_centavos,
        payer=party_to_wire(message.payer),
        payee=party_to_wire(message.payee) if message.payee else None,
        payee_key=_payee_key_to_wire(message.payee_key),
        description=message.description,
        failed_at_ms=message.failed_at_ms,
        initiation=_INITIATION_TO_WIRE[message.initiation],
        txid=message.txid,
    )


def _decode_failed(parsed: wire.TransferFailed) -> Message:
    return TransferFailed(
        parsed.end_to_end_id,
        from_wire(SIDE_FROM_WIRE, parsed.side, "side"),
        reason_from_wire(parsed.reason_code),
        parsed.amount_centavos,
        party_from_wire(parsed.payer),
        party_from_wire(parsed.payee) if parsed.HasField("payee") else None,
        _payee_key_from_wire(parsed),
        parsed.description,
        parsed.failed_at_ms,
        from_wire(_INITIATION_FROM_WIRE, parsed.initiation, "initiation"),
        parsed.txid,
    )


def _encode_processed(message: OutcomeProcessed) -> Protobuf:
    return wire.OutcomeProcessed(
        end_to_end_id=message.end_to_end_id,
        side=SIDE_TO_WIRE[message.side],
        outcome=OUTCOME_TO_WIRE[message.outcome],
        amount_centavos=message.amount_centavos,
        reason_code=message.reason.value if message.reason else "",
    )


def _decode_processed(parsed: wire.OutcomeProcessed) -> Message:
    return OutcomeProcessed(
        parsed.end_to_end_id,
        from_wire(SIDE_FROM_WIRE, parsed.side, "side"),
        from_wire(OUTCOME_FROM_WIRE, parsed.outcome, "outcome"),
        parsed.amount_centavos,
        reason_from_wire(parsed.reason_code) if parsed.reason_code else None,
    )


ENCODERS: Final[Encoders] = {
    TransferRequested: _encode_requested,
    TransferOffered: _encode_offered,
    TransferAccepted: _encode_accepted,
    TransferRejected: _encode_rejected,
    TransferConfirmed: _encode_confirmed,
    TransferFailed: _encode_failed,
    OutcomeProcessed: _encode_processed,
}

DECODERS: Final[Decoders] = {
    "TransferRequested": (TransferRequested, wire.TransferRequested, _decode_requested),
    "TransferOffered": (TransferOffered, wire.TransferOffered, _decode_offered),
    "TransferAccepted": (TransferAccepted, wire.TransferAccepted, _decode_accepted),
    "TransferRejected": (TransferRejected, wire.TransferRejected, _decode_rejected),
    "TransferConfirmed": (TransferConfirmed, wire.TransferConfirmed, _decode_confirmed),
    "TransferFailed": (TransferFailed, wire.TransferFailed, _decode_failed),
    "OutcomeProcessed": (OutcomeProcessed, wire.OutcomeProcessed, _decode_processed),
}
