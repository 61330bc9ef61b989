"""The gRPC services of the hub, on its use cases."""
# ruff: noqa: N802 - the methods have the names of the contract

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import grpc

from codepix.v1 import clock_pb2 as clock
from codepix.v1 import clock_pb2_grpc, directory_pb2_grpc, participants_pb2_grpc
from codepix.v1 import directory_pb2 as directory
from codepix.v1 import participants_pb2 as participants
from hub.application.keys import Registrations
from hub.application.use_cases import HubApplication
from hub.domain.bank import Bank
from hub.domain.directory import KeyEntry
from hub.domain.flows.transfer.model import Transfer, TransferStatus
from hub.domain.look_ups import DirectoryReading
from hub.entrypoints.grpc.calls import Caller, answer, answer_in_turns
from hub.entrypoints.grpc.clock import ClockServicer
from pix.rpc.batching_loader import BatchingLoader, TurnBatchingLoader
from pix.scheme.errors import SchemeError
from pix.scheme.ids import is_end_to_end_id
from pix.scheme.keys import PixKey, parse_stored_key
from pix.scheme.people import HolderKind
from pix.wire.protobuf_v1.parts import key_kind_from_wire, key_to_wire, party_to_wire

PAGE_SIZE_DEFAULT: Final = 100
PAGE_SIZE_MAX: Final = 1_000
TRANSFERS_PER_CALL_MAX: Final = 100
TIME_DIGITS_MAX: Final = 15

_HOLDER_TO_WIRE: Final = {
    HolderKind.PERSON: directory.HOLDER_KIND_PERSON,
    HolderKind.COMPANY: directory.HOLDER_KIND_COMPANY,
}
_HOLDER_FROM_WIRE: Final = {number: kind for kind, number in _HOLDER_TO_WIRE.items()}
_STATUS_TO_WIRE: Final = {
    TransferStatus.PENDING: participants.TRANSFER_STATUS_PENDING,
    TransferStatus.CONFIRMED: participants.TRANSFER_STATUS_CONFIRMED,
    TransferStatus.COMPLETED: participants.TRANSFER_STATUS_COMPLETED,
    TransferStatus.FAILED: participants.TRANSFER_STATUS_FAILED,
}

Request = TypeVar("Request")
Response = TypeVar("Response")
Act = Callable[[Any, Bank, Request], Response]
Call = Callable[[Any, Request, grpc.ServicerContext], Response]


def add_services(server: Any, application: HubApplication) -> Sequence[str]:
    """Adds the services; returns their full names."""
    servicer = DirectoryServicer(application)
    if getattr(server, "runs_coroutines", False):
        servicer = in_turns = DirectoryServicerInTurns(application)
        server.add_task(in_turns.readings)
    directory_pb2_grpc.add_DirectoryServiceServicer_to_server(servicer, server)
    participants_pb2_grpc.add_ParticipantServiceServicer_to_server(ParticipantServicer(application), server)
    names = []
    if application.network_clock is not None:
        clock_pb2_grpc.add_ClockServiceServicer_to_server(ClockServicer(application, application.network_clock), server)
        names.append(clock.DESCRIPTOR.services_by_name["ClockService"].full_name)
    return [
        *names,
        directory.DESCRIPTOR.services_by_name["DirectoryService"].full_name,
        participants.DESCRIPTOR.services_by_name["ParticipantService"].full_name,
    ]


def _entry(entry: KeyEntry) -> directory.KeyEntry:
    return directory.KeyEntry(
        key=key_to_wire(entry.key),
        branch=entry.branch,
        account_number=entry.account_number,
        holder_name=entry.holder_name,
        tax_id_masked=entry.tax_id_masked,
        registered_at_ms=entry.registered_at_ms,
    )


def _registered(entry: KeyEntry) -> directory.RegisterKeyResponse:
    return directory.RegisterKeyResponse(entry=_entry(entry))


def _found(entry: KeyEntry, bank: Bank) -> directory.FindKeyResponse:
    return directory.FindKeyResponse(
        key=key_to_wire(entry.key),
        holder_name=entry.holder_name,
        tax_id_masked=entry.tax_id_masked,
        holder_kind=_HOLDER_TO_WIRE[entry.holder_kind],
        ispb=bank.ispb,
        bank_code=bank.code,
        bank_name=bank.name,
    )


def _answer(act: Act[Request, Response]) -> Call[Request, Response]:
    """The method acts for the bank that calls, unless that is suspended."""
    return lambda servicer, request, context: answer(
        servicer.hub.authenticate_bank, partial(act, servicer), request, context
    )


def _answer_even_suspended(act: Act[Request, Response]) -> Call[Request, Response]:
    return lambda servicer, request, context: answer(
        servicer.hub.authenticate_bank.even_suspended, partial(act, servicer), request, context
    )


class DirectoryServicer(directory_pb2_grpc.DirectoryServiceServicer):
    def __init__(self, application: HubApplication) -> None:
        self.hub = application

    @_answer
    def RegisterKey(self, bank: Bank, request: directory.RegisterKeyRequest) -> directory.RegisterKeyResponse:
        asked = self._asked(bank, request)
        return _registered(self.hub.register_key(asked))

    def _asked(self, bank: Bank, request: directory.RegisterKeyRequest) -> KeyEntry:
        if request.holder_kind not in _HOLDER_FROM_WIRE:
            raise SchemeError("holder_kind", "must be a person or a company")
        return self.hub.register_key.check(
            bank=bank,
            kind=key_kind_from_wire(request.key.kind),
            key=request.key.key,
            branch=request.branch,
            account_number=request.account_number,
            holder_name=request.holder_name,
            holder_kind=_HOLDER_FROM_WIRE[request.holder_kind],
            holder_tax_id=request.holder_tax_id,
            request_id=request.request_id,
        )

    @_answer
    def FindKey(self, asking: Bank, request: directory.FindKeyRequest) -> directory.FindKeyResponse:
        kind = key_kind_from_wire(request.key.kind)
        return _found(*self.hub.find_key(kind=kind, key=request.key.key, asking_ispb=asking.ispb))

    @_answer_even_suspended
    def ListKeys(self, bank: Bank, request: directory.ListKeysRequest) -> directory.ListKeysResponse:
        size = request.page_size or PAGE_SIZE_DEFAULT
        if not 1 <= size <= PAGE_SIZE_MAX:
            raise SchemeError("page_size", f"must be 1 to {PAGE_SIZE_MAX}, or 0 for {PAGE_SIZE_DEFAULT}")
        entries = self.hub.list_keys(
            ispb=bank.ispb,
            branch=request.branch,
            account_number=request.account_number,
            after=_page_cursor(request.page_token),
            size=size,
        )
        last = entries[-1] if len(entries) == size else None
        return directory.ListKeysResponse(
            entries=[_entry(entry) for entry in entries],
            next_page_token="" if last is None else f"{last.registered_at_ms}:{last.key.key}",
        )

    @_answer_even_suspended
    def RemoveKey(self, bank: Bank, request: directory.RemoveKeyRequest) -> directory.RemoveKeyResponse:
        self.hub.remove_key(
            ispb=bank.ispb,
            kind=key_kind_from_wire(request.key.kind),
            key=request.key.key,
            branch=request.branch,
            account_number=request.account_number,
        )
        return directory.RemoveKeyResponse()


class DirectoryServicerInTurns(DirectoryServicer):
    """The same for a server that plays coroutines: calls of the two kinds that are many share their transactions."""

    def __init__(self, application: HubApplication) -> None:
        super().__init__(application)
        find_key = application.find_key
        self.readings: TurnBatchingLoader[PixKey, DirectoryReading] = TurnBatchingLoader(find_key.begin, find_key.read)
        self._registrations: BatchingLoader[KeyEntry, Registrations] = BatchingLoader(application.register_key.register)

    async def RegisterKey(  # type: ignore[override]  # a coroutine here
        self, request: directory.RegisterKeyRequest, context: Any
    ) -> directory.RegisterKeyResponse:
        return await answer_in_turns(self._register, request, context)

    async def _register(self, request: directory.RegisterKeyRequest, caller: Caller) -> directory.RegisterKeyResponse:
        reading = await self.readings.ask(None)
        asked = self._asked(caller.authenticate(reading.known.authenticate), request)
        registrations = await self._registrations.ask(asked)
        return _registered(self.hub.register_key.conclude(asked, registrations))

    async def FindKey(  # type: ignore[override]  # a coroutine here
        self, request: directory.FindKeyRequest, context: Any
    ) -> directory.FindKeyResponse:
        return await answer_in_turns(self._find, request, context)

    async def _find(self, request: directory.FindKeyRequest, caller: Caller) -> directory.FindKeyResponse:
        try:
            key = parse_stored_key(request.key.key, key_kind_from_wire(request.key.kind))
        except SchemeError as error:
            # A stranger is not even told what is wrong with the question.
            reading = await self.readings.ask(None)
            caller.authenticate(reading.known.authenticate)
            raise error
        reading = await self.readings.ask(key)
        asking = caller.authenticate(reading.known.authenticate)
        return _found(*self.hub.find_key.conclude(reading.payee(key), asking.ispb))


def _page_cursor(token: str) -> tuple[int, str] | None:
    if not token:
        return None
    registered_at_ms, _, key = token.partition(":")
    is_time = registered_at_ms.isascii() and registered_at_ms.isdigit() and len(registered_at_ms) <= TIME_DIGITS_MAX
    if not is_time or not key or not key.isprintable():
        raise SchemeError("page_token", "must be the next_page_token of the previous page")
    return int(registered_at_ms), key


def _participant(bank: Bank) -> participants.Participant:
    return participants.Participant(
        ispb=bank.ispb,
        code=bank.code,
        name=bank.name,
        color=bank.color,
        url=bank.url,
        active=bank.active,
        features=sorted(bank.features),
        payload_host=bank.payload_host,
    )


def _transfer(transfer: Transfer) -> participants.TransferRecord:
    return participants.TransferRecord(
        end_to_end_id=transfer.end_to_end_id,
        status=_STATUS_TO_WIRE[transfer.status],
        reason_code="" if transfer.reason is None else transfer.reason.value,
        amount_centavos=transfer.amount_centavos,
        payer=party_to_wire(transfer.payer),
        payee=None if transfer.payee is None else party_to_wire(transfer.payee),
        requested_at_ms=transfer.requested_at_ms,
        offered_at_ms=transfer.offered_at_ms or 0,
        decided_at_ms=transfer.decided_at_ms or 0,
        payer_processed_at_ms=transfer.payer_processed_at_ms or 0,
        payee_processed_at_ms=transfer.payee_processed_at_ms or 0,
        completed_at_ms=(transfer.closed_at_ms or 0) if transfer.status is TransferStatus.COMPLETED else 0,
    )


class ParticipantServicer(participants_pb2_grpc.ParticipantServiceServicer):
    """`codepix.v1.ParticipantService`: what a bank may ask and say also while it is suspended."""

    def __init__(self, application: HubApplication) -> None:
        self.hub = application

    @_answer_even_suspended
    def JoinNetwork(self, bank: Bank, request: participants.JoinNetworkRequest) -> participants.JoinNetworkResponse:
        joined = self.hub.join_network(
            ispb=bank.ispb,
            code=request.code,
            name=request.name,
            color=request.color,
            url=request.url,
            version=request.version,
            features=request.features,
            payload_host=request.payload_host,
        )
        return participants.JoinNetworkResponse(participant=_participant(joined))

    @_answer_even_suspended
    def KeepInTouch(self, bank: Bank, request: participants.KeepInTouchRequest) -> participants.KeepInTouchResponse:
        self.hub.record_heartbeat(
            ispb=bank.ispb,
            instance=request.instance,
            version=request.version,
            lag=request.lag if request.HasField("lag") else None,
        )
        return participants.KeepInTouchResponse()

    @_answer_even_suspended
    def LeaveNetwork(self, bank: Bank, request: participants.LeaveNetworkRequest) -> participants.LeaveNetworkResponse:
        self.hub.leave_network(ispb=bank.ispb, instance=request.instance)
        return participants.LeaveNetworkResponse()

    @_answer_even_suspended
    def ListParticipants(
        self, _bank: Bank, _request: participants.ListParticipantsRequest
    ) -> participants.ListParticipantsResponse:
        banks = self.hub.queries.list_banks()
        return participants.ListParticipantsResponse(participants=[_participant(bank) for bank in banks])

    @_answer_even_suspended
    def GetSettlementAccount(
        self, bank: Bank, _request: participants.GetSettlementAccountRequest
    ) -> participants.GetSettlementAccountResponse:
        account, fundings = self.hub.queries.settlement_account(bank.ispb)
        return participants.GetSettlementAccountResponse(
            balance_centavos=account.balance_centavos,
            reserved_centavos=account.reserved_centavos,
            fundings=[
                participants.SettlementFunding(
                    funding_id=funding.funding_id,
                    amount_centavos=funding.amount_centavos,
                    funded_at_ms=funding.funded_at_ms,
                )
                for funding in fundings
            ],
        )

    @_answer_even_suspended
    def FindTransfers(
        self, bank: Bank, request: participants.FindTransfersRequest
    ) -> participants.FindTransfersResponse:
        if len(request.end_to_end_ids) > TRANSFERS_PER_CALL_MAX:
            raise SchemeError("end_to_end_ids", f"must be at most {TRANSFERS_PER_CALL_MAX}")
        if not all(is_end_to_end_id(end_to_end_id) for end_to_end_id in request.end_to_end_ids):
            raise SchemeError("end_to_end_ids", "each must be an end-to-end id of 32 characters")
        transfers = self.hub.queries.find_transfers_of(bank.ispb, request.end_to_end_ids)
        return participants.FindTransfersResponse(transfers=[_transfer(transfer) for transfer in transfers])
