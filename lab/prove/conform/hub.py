"""The hub's gRPC services, played by the examiner: a directory in memory that keeps the hub's rules, and a script."""
# ruff: noqa: N802 - the methods have the names of the contract

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import uuid4

import grpc

from codepix.v1 import directory_pb2 as directory
from codepix.v1 import directory_pb2_grpc, participants_pb2_grpc
from codepix.v1 import participants_pb2 as participants
from lab.network.parts.ports import LOOPBACK, free_port
from pix.rpc.context import metadata_of
from pix.rpc.kinds import GrpcServerKind
from pix.rpc.metadata import METADATA_FIELD, METADATA_OWNER, METADATA_RULE
from pix.rpc.server import serve_grpc
from pix.runtime.addresses import join_host_port
from pix.scheme.credentials import METADATA_ISPB, METADATA_SECRET
from pix.scheme.errors import SchemeError
from pix.scheme.features import Feature
from pix.scheme.ids import check_account_number, check_branch
from pix.scheme.keys import KeyKind, PixKey, check_key_owner, keys_per_account_max, normalize_key, parse_stored_key
from pix.scheme.messages import Party
from pix.scheme.people import HolderKind, check_person_name, check_tax_id, mask_tax_id
from pix.wire.protobuf_v1.parts import key_kind_from_wire, key_to_wire

SETTLEMENT_FUNDS_CENTAVOS: Final = 10_000_000_00
CALLS_MAX: Final = 20_000
"""Of an examination; later calls are answered and not kept."""
STOP_SECONDS_MAX: Final = 10.0

_HOLDER_TO_WIRE: Final = {
    HolderKind.PERSON: directory.HOLDER_KIND_PERSON,
    HolderKind.COMPANY: directory.HOLDER_KIND_COMPANY,
}
_HOLDER_FROM_WIRE: Final = {number: kind for kind, number in _HOLDER_TO_WIRE.items()}


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank of the examiner's network."""

    code: str
    ispb: str
    name: str
    secret: str
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of the directory, and the account that it pays into."""

    key: PixKey
    party: Party
    holder_kind: HolderKind
    bank: Bank
    registered_at_ms: int
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the examined bank, and the status of its answer."""

    method: str
    request: Any
    metadata: Mapping[str, str | bytes]
    status: str
    at: float
    """Monotonic."""


@dataclass(slots=True)
class Fault:
    """What the hub answers instead, for the calls that it fits."""

    method: str
    fits: Callable[[Any], bool]
    status: grpc.StatusCode
    times: int
    fields: tuple[tuple[str, str | bytes], ...] = ()
    acts_first: bool = False
    """The hub does what is asked, and only its answer is lost."""


class _Refusal(Exception):
    def __init__(self, status: grpc.StatusCode, rule: str, *trailer: tuple[str, str | bytes]) -> None:
        super().__init__(rule)
        self.status = status
        self.trailer = trailer


@dataclass(slots=True)
class _State:
    entries: dict[PixKey, Entry] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    joined: list[participants.JoinNetworkRequest] = field(default_factory=list)
    settlement_centavos: int = SETTLEMENT_FUNDS_CENTAVOS


class ScriptedHub:
    """Thread-safe. `banks` are the members; the first one is the bank under examination."""

    def __init__(self, banks: Sequence[Bank], port: int | None = None) -> None:
        self.banks = {bank.ispb: bank for bank in banks}
        self.address = join_host_port(LOOPBACK, port or free_port())
        self._port = int(self.address.rpartition(":")[2])
        self._state = _State()
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._funding_id = str(uuid4())
        self._funded_at_ms = _now_ms()
        self._stop = threading.Event()
        self._server: threading.Thread | None = None

    def start(self) -> None:
        """Starts the server, or starts it again on the same port."""
        self._stop = threading.Event()
        self._server = threading.Thread(target=self._serve, args=(self._stop,), name="conform-hub", daemon=True)
        self._server.start()

    def stop(self) -> None:
        self._stop.set()
        if self._server is not None:
            self._server.join(STOP_SECONDS_MAX)

    def _serve(self, stop: threading.Event) -> None:
        serve_grpc(self._add_services, LOOPBACK, self._port, stop, kind=GrpcServerKind.PLAIN)

    def _add_services(self, server: Any) -> Sequence[str]:
        directory_pb2_grpc.add_DirectoryServiceServicer_to_server(_DirectoryServicer(self), server)
        participants_pb2_grpc.add_ParticipantServiceServicer_to_server(_ParticipantServicer(self), server)
        return [
            directory.DESCRIPTOR.services_by_name["DirectoryService"].full_name,
            participants.DESCRIPTOR.services_by_name["ParticipantService"].full_name,
        ]

    # What the cases use

    def put_key(self, key: PixKey, party: Party, holder_kind: HolderKind, bank: Bank) -> None:
        """A key of another bank's customer."""
        with self._lock:
            self._state.entries[key] = Entry(key, party, holder_kind, bank, _now_ms())

    def forget_key(self, key: PixKey) -> None:
        """The owner has removed the key."""
        with self._lock:
            self._state.entries.pop(key, None)

    def find(self, key: PixKey) -> Entry | None:
        with self._lock:
            return self._state.entries.get(key)

    def keys_of(self, account_number: str) -> list[Entry]:
        """The keys of an account of the examined bank."""
        with self._lock:
            own = next(iter(self.banks.values()))
            entries = self._state.entries.values()
            return [
                each for each in entries if each.bank.ispb == own.ispb and each.party.account_number == account_number
            ]

    def fail(
        self,
        method: str,
        fits: Callable[[Any], bool],
        status: grpc.StatusCode,
        *,
        times: int = 1,
        fields: tuple[tuple[str, str | bytes], ...] = (),
        acts_first: bool = False,
    ) -> Fault:
        """The next `times` calls of the method whose request fits get this status; `fields` are trailing metadata.

        With `acts_first` the hub does what is asked, and only its answer is lost.
        """
        fault = Fault(method, fits, status, times, fields, acts_first)
        with self._lock:
            self._state.faults.append(fault)
        return fault

    def end_fault(self, fault: Fault) -> None:
        """The hub answers again."""
        with self._lock:
            fault.times = 0

    def calls(self, method: str = "", fits: Callable[[Any], bool] = lambda _request: True) -> list[Call]:
        """The bank's calls so far, oldest first."""
        with self._lock:
            return [call for call in self._state.calls if method in ("", call.method) and fits(call.request)]

    def wait(self, condition: Callable[[], bool], seconds_max: float) -> bool:
        """Whether the condition holds within this time; it is asked whenever a call has come."""
        deadline = time.monotonic() + seconds_max
        with self._news:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._news.wait(left)
        return True

    def move_settlement(self, amount_centavos: int) -> None:
        """The bank's settlement account after a confirmed transfer."""
        with self._lock:
            self._state.settlement_centavos += amount_centavos

    @property
    def settlement_centavos(self) -> int:
        with self._lock:
            return self._state.settlement_centavos

    # What the services use

    def answer(self, method: str, request: Any, context: grpc.ServicerContext, act: Callable[[Bank], Any]) -> Any:
        metadata = dict(metadata_of(context))
        try:
            with self._lock:
                bank = self._authenticate(metadata)
                fault = self._next_fault(method, request)
                if fault is not None and not fault.acts_first:
                    raise _refusal_of(fault)
                response = act(bank)
                if fault is not None:
                    raise _refusal_of(fault)
                self._note(Call(method, request, metadata, "OK", time.monotonic()))
            return response
        except SchemeError as error:
            trailer = ((METADATA_FIELD, error.field), (METADATA_RULE, error.rule.encode("ascii", "replace").decode()))
            refusal = _Refusal(grpc.StatusCode.INVALID_ARGUMENT, str(error), *trailer)
        except _Refusal as error:
            refusal = error
        self._note(Call(method, request, metadata, refusal.status.name, time.monotonic()))
        context.set_trailing_metadata(refusal.trailer)
        context.abort(refusal.status, str(refusal))
        raise AssertionError("abort raises")

    def _note(self, call: Call) -> None:
        with self._news:
            if len(self._state.calls) < CALLS_MAX:
                self._state.calls.append(call)
            self._news.notify_all()

    def _authenticate(self, metadata: Mapping[str, str | bytes]) -> Bank:
        bank = self.banks.get(str(metadata.get(METADATA_ISPB, "")))
        if bank is None or metadata.get(METADATA_SECRET) != bank.secret:
            raise _Refusal(grpc.StatusCode.UNAUTHENTICATED, "codepix-ispb and codepix-secret are not a bank's")
        return bank

    def _next_fault(self, method: str, request: Any) -> Fault | None:
        for fault in self._state.faults:
            if fault.method == method and fault.times > 0 and fault.fits(request):
                fault.times -= 1
                return fault
        return None

    def register(self, bank: Bank, request: directory.RegisterKeyRequest) -> Entry:
        """Registers a key by the hub's rules."""
        kind = key_kind_from_wire(request.key.kind)
        check_branch(request.branch)
        check_account_number(request.account_number)
        if request.holder_kind not in _HOLDER_FROM_WIRE:
            raise SchemeError("holder_kind", "must be a person or a company")
        holder_kind = _HOLDER_FROM_WIRE[request.holder_kind]
        tax_id_kind, tax_id = check_tax_id(request.holder_tax_id)
        if tax_id_kind is not holder_kind:
            raise SchemeError("holder_kind", "a person has a CPF and a company has a CNPJ")
        name = check_person_name(request.holder_name, "holder_name")
        entries = self._state.entries
        if kind is KeyKind.EVP:
            if request.key.key:
                raise SchemeError("key", "the hub generates random keys; you cannot choose one")
            if not request.request_id:
                raise SchemeError("request_id", "must be a UUID when a random key is registered")
            for entry in entries.values():
                if entry.request_id == request.request_id:
                    return entry
            key = PixKey(kind, str(uuid4()))
        else:
            key = normalize_key(kind, request.key.key)
        check_key_owner(key, tax_id)
        party = Party(bank.ispb, request.branch, request.account_number, name, mask_tax_id(tax_id))
        existing = entries.get(key)
        if existing is not None:
            if (existing.bank.ispb, existing.party.account_number) == (bank.ispb, request.account_number):
                return existing
            raise _Refusal(
                grpc.StatusCode.ALREADY_EXISTS,
                f"the key is registered for an account at {existing.bank.name}",
                (METADATA_FIELD, "key"),
                (METADATA_OWNER, existing.bank.name.encode()),
            )
        if len(self.keys_of(request.account_number)) >= keys_per_account_max(holder_kind):
            raise _Refusal(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"an account has at most {keys_per_account_max(holder_kind)} keys",
                (METADATA_FIELD, "key"),
                (METADATA_RULE, "the account has the maximum number of keys"),
            )
        entry = entries[key] = Entry(key, party, holder_kind, bank, _now_ms(), request.request_id)
        return entry

    def look_up(self, wanted: directory.FindKeyRequest) -> Entry:
        key = parse_stored_key(wanted.key.key, key_kind_from_wire(wanted.key.kind))
        entry = self._state.entries.get(key)
        if entry is None:
            raise _Refusal(
                grpc.StatusCode.NOT_FOUND,
                "this key is not registered",
                (METADATA_FIELD, "key"),
                (METADATA_RULE, "this key is not registered"),
            )
        return entry

    def remove(self, bank: Bank, request: directory.RemoveKeyRequest) -> None:
        key = parse_stored_key(request.key.key, key_kind_from_wire(request.key.kind))
        entry = self._state.entries.get(key)
        is_account = not request.account_number or (
            entry is not None and entry.party.account_number == request.account_number
        )
        if entry is None or entry.bank.ispb != bank.ispb or not is_account:
            raise _Refusal(grpc.StatusCode.NOT_FOUND, "this bank has not registered this key", (METADATA_FIELD, "key"))
        del self._state.entries[key]

    def list_keys(self, bank: Bank, request: directory.ListKeysRequest) -> list[Entry]:
        return [
            entry
            for entry in self._state.entries.values()
            if entry.bank.ispb == bank.ispb and request.account_number in ("", entry.party.account_number)
        ]

    def join(self, bank: Bank, request: participants.JoinNetworkRequest) -> Bank:
        if request.code != bank.code:
            raise SchemeError("code", "is not the code with which the operator added the bank")
        self._state.joined.append(request)
        # The examiner reads one message a record, and the bank sends it no batches unless they are listed.
        features = tuple(each for each in request.features if each != Feature.BATCHES)
        self.banks[bank.ispb] = joined = replace(bank, name=request.name, features=features)
        for key, entry in self._state.entries.items():
            if entry.bank.ispb == bank.ispb:
                self._state.entries[key] = replace(entry, bank=joined)
        return joined

    @property
    def joined(self) -> list[participants.JoinNetworkRequest]:
        """Every successful JoinNetwork, oldest first."""
        with self._lock:
            return list(self._state.joined)

    def settlement(self) -> participants.GetSettlementAccountResponse:
        funding = participants.SettlementFunding(
            funding_id=self._funding_id,
            amount_centavos=SETTLEMENT_FUNDS_CENTAVOS,
            funded_at_ms=self._funded_at_ms,
        )
        return participants.GetSettlementAccountResponse(
            balance_centavos=self._state.settlement_centavos, fundings=[funding]
        )


def _refusal_of(fault: Fault) -> _Refusal:
    rule = f"the examiner's hub answers {fault.status.name}"
    return _Refusal(fault.status, rule, *(fault.fields or ((METADATA_RULE, rule),)))


def entry_to_wire(entry: Entry) -> directory.KeyEntry:
    """The Protobuf form of a key of the directory."""
    return directory.KeyEntry(
        key=key_to_wire(entry.key),
        branch=entry.party.branch,
        account_number=entry.party.account_number,
        holder_name=entry.party.name,
        tax_id_masked=entry.party.tax_id_masked,
        registered_at_ms=entry.registered_at_ms,
    )


class _DirectoryServicer(directory_pb2_grpc.DirectoryServiceServicer):
    def __init__(self, hub: ScriptedHub) -> None:
        self._hub = hub

    def RegisterKey(self, request: Any, context: Any) -> Any:
        return self._hub.answer(
            "RegisterKey",
            request,
            context,
            lambda bank: directory.RegisterKeyResponse(entry=entry_to_wire(self._hub.register(bank, request))),
        )

    def FindKey(self, request: Any, context: Any) -> Any:
        def act(_bank: Bank) -> directory.FindKeyResponse:
            entry = self._hub.look_up(request)
            return directory.FindKeyResponse(
                key=key_to_wire(entry.key),
                holder_name=entry.party.name,
                tax_id_masked=entry.party.tax_id_masked,
                holder_kind=_HOLDER_TO_WIRE[entry.holder_kind],
                ispb=entry.bank.ispb,
                bank_code=entry.bank.code,
                bank_name=entry.bank.name,
            )

        return self._hub.answer("FindKey", request, context, act)

    def ListKeys(self, request: Any, context: Any) -> Any:
        return self._hub.answer(
            "ListKeys",
            request,
            context,
            lambda bank: directory.ListKeysResponse(
                entries=[entry_to_wire(entry) for entry in self._hub.list_keys(bank, request)]
            ),
        )

    def RemoveKey(self, request: Any, context: Any) -> Any:
        def act(bank: Bank) -> directory.RemoveKeyResponse:
            self._hub.remove(bank, request)
            return directory.RemoveKeyResponse()

        return self._hub.answer("RemoveKey", request, context, act)


def participant_to_wire(bank: Bank) -> participants.Participant:
    """The Protobuf form of a bank of the network."""
    return participants.Participant(
        ispb=bank.ispb, code=bank.code, name=bank.name, color="#3b5bdb", active=True, features=bank.features
    )


class _ParticipantServicer(participants_pb2_grpc.ParticipantServiceServicer):
    def __init__(self, hub: ScriptedHub) -> None:
        self._hub = hub

    def JoinNetwork(self, request: Any, context: Any) -> Any:
        return self._hub.answer(
            "JoinNetwork",
            request,
            context,
            lambda bank: participants.JoinNetworkResponse(
                participant=participant_to_wire(self._hub.join(bank, request))
            ),
        )

    def KeepInTouch(self, request: Any, context: Any) -> Any:
        return self._hub.answer("KeepInTouch", request, context, lambda _: participants.KeepInTouchResponse())

    def LeaveNetwork(self, request: Any, context: Any) -> Any:
        return self._hub.answer("LeaveNetwork", request, context, lambda _: participants.LeaveNetworkResponse())

    def ListParticipants(self, request: Any, context: Any) -> Any:
        return self._hub.answer(
            "ListParticipants",
            request,
            context,
            lambda _: participants.ListParticipantsResponse(
                participants=[participant_to_wire(bank) for bank in self._hub.banks.values()]
            ),
        )

    def GetSettlementAccount(self, request: Any, context: Any) -> Any:
        return self._hub.answer("GetSettlementAccount", request, context, lambda _: self._hub.settlement())

    def FindTransfers(self, request: Any, context: Any) -> Any:
        return self._hub.answer("FindTransfers", request, context, lambda _: participants.FindTransfersResponse())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
