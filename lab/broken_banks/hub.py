"""The hub's questions over gRPC: joining, heartbeats, keys, and the settlement account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import grpc

from codepix.v1 import directory_pb2, directory_pb2_grpc, participants_pb2, participants_pb2_grpc
from lab.broken_banks.refusals import Refused
from lab.broken_banks.settings import Settings
from pix.rpc.client import open_channel
from pix.rpc.metadata import METADATA_RULE, credentials
from pix.runtime.version import codepix_version
from pix.scheme.features import FEATURES, Feature
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.people import check_tax_id
from pix.wire.protobuf_v1.parts import key_from_wire, key_to_wire

CALL_SECONDS_MAX: Final = 3.0
_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
_WITHOUT_ANSWER: Final = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED", "INTERNAL", "UNKNOWN"})


@dataclass(frozen=True, slots=True)
class Payee:
    ispb: str
    tax_id_masked: str


@dataclass(frozen=True, slots=True)
class Funding:
    funding_id: str
    amount_centavos: int


class Hub:
    """Every call raises Refused, with the name of the gRPC status; UNAVAILABLE stands for every kind of no answer."""

    features: tuple[str, ...] = tuple(FEATURES - {Feature.BATCHES})
    """What the bank announces. It reads one message a record."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._credentials = credentials(settings.ispb, settings.secret)
        self._channel = open_channel(settings.hub_address, _OPTIONS)
        self._participants = participants_pb2_grpc.ParticipantServiceStub(self._channel)
        self._directory = directory_pb2_grpc.DirectoryServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def join(self) -> None:
        settings = self.settings
        self.call(
            self._participants.JoinNetwork,
            participants_pb2.JoinNetworkRequest(
                code=settings.code,
                name=settings.name,
                color=settings.color,
                url=settings.url,
                version=codepix_version(),
                features=sorted(self.features),
            ),
        )

    def heartbeat(self, instance: str, lag: int | None) -> None:
        request = participants_pb2.KeepInTouchRequest(instance=instance, version=codepix_version(), lag=lag)
        self.call(self._participants.KeepInTouch, request)

    def leave(self, instance: str) -> None:
        self.call(self._participants.LeaveNetwork, participants_pb2.LeaveNetworkRequest(instance=instance))

    def fundings(self) -> list[Funding]:
        """What the operator has put into the settlement account, or taken out."""
        account = self.call(self._participants.GetSettlementAccount, participants_pb2.GetSettlementAccountRequest())
        return [Funding(each.funding_id, each.amount_centavos) for each in account.fundings]

    def find_key(self, key: PixKey) -> Payee:
        found = self.call(self._directory.FindKey, directory_pb2.FindKeyRequest(key=key_to_wire(key)))
        return Payee(found.ispb, found.tax_id_masked)

    def register_key(
        self, kind: KeyKind, value: str, branch: str, number: str, name: str, tax_id: str, request_id: str
    ) -> PixKey:
        """The key as the hub has stored it."""
        holder_kind, tax_id = check_tax_id(tax_id)
        response = self.call(
            self._directory.RegisterKey,
            directory_pb2.RegisterKeyRequest(
                key=key_to_wire(PixKey(kind, value)),
                branch=branch,
                account_number=number,
                holder_name=name,
                holder_kind=directory_pb2.HolderKind.Value(f"HOLDER_KIND_{holder_kind.name}"),
                holder_tax_id=tax_id,
                request_id=request_id,
            ),
        )
        return key_from_wire(response.entry.key)

    def remove_key(self, key: PixKey) -> None:
        self.call(self._directory.RemoveKey, directory_pb2.RemoveKeyRequest(key=key_to_wire(key)))

    def call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=CALL_SECONDS_MAX, metadata=self._credentials)
        except grpc.RpcError as error:
            # What a call raises is an RpcError and a Call at once; the types do not say so.
            call: Any = error
            status = call.code().name
            if status in _WITHOUT_ANSWER:
                raise Refused("UNAVAILABLE", "The hub does not answer", "The hub does not answer.") from None
            trailer = dict(call.trailing_metadata() or ())
            rule = trailer.get(METADATA_RULE) or call.details() or status
            detail = rule.decode("utf-8", "replace") if isinstance(rule, bytes) else str(rule)
            raise Refused(status, "The hub refuses", detail) from None
