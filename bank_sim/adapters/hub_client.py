"""The hub's questions over gRPC. Every call of the contract may be repeated, so one that gets no answer is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar

import grpc

from bank_sim.application.ports import SettlementAccount, SettlementFunding
from bank_sim.domain.account import BRANCH, Account, AccountKey, Payee
from bank_sim.domain.bank import BankIdentity, Participant
from bank_sim.domain.errors import (
    ClockNotVirtual,
    HubAnswerUnfit,
    HubCredentialsRejected,
    HubRejected,
    HubUnavailable,
    KeyLimitReached,
    KeyNotFound,
    KeyTaken,
    LookUpLimitReached,
)
from bank_sim.domain.flows.transfer.model import Progress
from codepix.v1 import clock_pb2 as clock
from codepix.v1 import clock_pb2_grpc, directory_pb2_grpc, participants_pb2_grpc
from codepix.v1 import directory_pb2 as directory
from codepix.v1 import participants_pb2 as participants
from pix.participant.clock.model import ClockReport
from pix.rpc.client import open_channel
from pix.rpc.metadata import METADATA_FIELD, METADATA_OWNER, METADATA_RETRY_AFTER, METADATA_RULE, credentials
from pix.runtime.addresses import check_participant_url, check_payload_host
from pix.runtime.logs import logger
from pix.runtime.trace_context import TRACEPARENT
from pix.scheme.clock import VirtualTime, checked_time
from pix.scheme.errors import SchemeError
from pix.scheme.features import Feature, known_features
from pix.scheme.ids import check_account_number, check_bank_code, check_ispb
from pix.scheme.keys import KeyKind, PixKey, parse_stored_key
from pix.scheme.people import HolderKind, check_masked_tax_id, check_stored_person_name
from pix.scheme.texts import check_bank_name, check_color, check_plain_text
from pix.scheme.times import TIME_MS_MAX, check_time_ms
from pix.wire.protobuf_v1.parts import key_from_wire, key_to_wire

CALL_SECONDS_MAX: Final = 2.0
WATCH_SECONDS_MAX: Final = 30.0
"""Of one stream; the bank watches again at once, maybe at another replica of the hub."""
ATTEMPTS_MAX: Final = 2
RETRY_WAIT_SECONDS: Final = 0.1
KEYS_PER_PAGE: Final = 1_000
RETRY_AFTER_SECONDS_DEFAULT: Final = 1
RECONNECT_MS_MAX: Final = 1_000
RECONNECT_MS_MIN: Final = 100
RESOLUTION_MS_MIN: Final = 1_000
"""How often the hub's name may be looked up anew. The library's own 30 s would keep a replica unknown for as long."""
KEEPALIVE_MS: Final = 5_000
"""A replica that hangs, or whose machine lost its power, is found out by a ping: nothing else tells of it."""
KEEPALIVE_ANSWER_MS_MAX: Final = 3_000

REPLICAS_IN_TURN: Final = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
"""Calls go to every replica that the hub's name stands for; one that is away is left out until it is back."""

_WITHOUT_ANSWER: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    }
)
_HOLDER_TO_WIRE: Final = {
    HolderKind.PERSON: directory.HOLDER_KIND_PERSON,
    HolderKind.COMPANY: directory.HOLDER_KIND_COMPANY,
}
_HOLDER_FROM_WIRE: Final = {number: kind for kind, number in _HOLDER_TO_WIRE.items()}

Request = TypeVar("Request")
Response = TypeVar("Response")

log = logger(__name__)


class GrpcHub:
    """See `bank_sim.application.ports.Hub`. One channel, shared by all threads; it connects when it is first used.

    An address that stands for several replicas, such as `dns:///hub:50051`, spreads the calls over all of them.
    """

    def __init__(
        self,
        address: str,
        ispb: str,
        secret: str,
        traceparent: Callable[[], str] = lambda: "",
        *,
        tls: grpc.ChannelCredentials | None = None,
        tls_name: str = "",
        interceptors: Sequence[Any] = (),
    ) -> None:
        """`traceparent` tells the trace in which a call is made; it goes along as metadata when there is one.

        With `tls` calls are encrypted, and the hub must have a certificate for `tls_name`, by default for the host of
        the address.
        """
        self._ispb = ispb
        self._credentials = credentials(ispb, secret)
        self._traceparent = traceparent
        self._pause = threading.Event()
        options: list[tuple[str, Any]] = [
            ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS_MIN),
            ("grpc.min_reconnect_backoff_ms", RECONNECT_MS_MIN),
            ("grpc.max_reconnect_backoff_ms", RECONNECT_MS_MAX),
            ("grpc.dns_min_time_between_resolutions_ms", RESOLUTION_MS_MIN),
            ("grpc.service_config", REPLICAS_IN_TURN),
            ("grpc.keepalive_time_ms", KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", KEEPALIVE_ANSWER_MS_MAX),
            # The one of the two that the library (1.85) heeds.
            ("grpc.http2.ping_timeout_ms", KEEPALIVE_ANSWER_MS_MAX),
            # Also between calls, and for as long as it takes: the next customer shall not be the one who finds out.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
        ]
        if tls is not None and tls_name:
            options.append(("grpc.ssl_target_name_override", tls_name))
        self._channel = open_channel(address, options, tls)
        channel = grpc.intercept_channel(self._channel, *interceptors)
        self._directory = directory_pb2_grpc.DirectoryServiceStub(channel)
        self._participants = participants_pb2_grpc.ParticipantServiceStub(channel)
        self._clock = clock_pb2_grpc.ClockServiceStub(channel)

    def close(self) -> None:
        self._channel.close()

    def join_network(
        self, identity: BankIdentity, url: str, version: str, features: Collection[Feature], payload_host: str
    ) -> None:
        self._ask(
            self._participants.JoinNetwork,
            participants.JoinNetworkRequest(
                code=identity.code,
                name=identity.name,
                color=identity.color,
                url=url,
                version=version,
                features=sorted(features),
                payload_host=payload_host,
            ),
        )

    def send_heartbeat(self, instance: str, version: str, lag: int | None) -> None:
        self._ask(
            self._participants.KeepInTouch,
            participants.KeepInTouchRequest(instance=instance, version=version, lag=lag),
            attempts_max=1,
        )

    def leave_network(self, instance: str) -> None:
        self._ask(self._participants.LeaveNetwork, participants.LeaveNetworkRequest(instance=instance), attempts_max=1)

    def report_clock(self, report: ClockReport) -> None:
        self._ask(
            self._clock.ReportClock,
            clock.ReportClockRequest(
                instance=report.instance,
                revision=report.revision,
                open_ids=report.open_ids,
                next_due_ms=report.next_due_ms,
            ),
            attempts_max=1,
        )

    def watch_clock(self, instance: str, stop: threading.Event) -> Iterator[VirtualTime]:
        request = clock.WatchClockRequest(instance=instance)
        stream: Any = self._clock.WatchClock(request, timeout=WATCH_SECONDS_MAX, metadata=self._credentials)
        try:
            for time in stream:
                if stop.is_set():
                    return
                with _judging_an_answer():
                    yield checked_time(time.revision, time.anchor_ms, time.offset_ms, time.rate)
        except grpc.RpcError as error:
            if _status(error) is grpc.StatusCode.UNIMPLEMENTED:
                raise ClockNotVirtual from None
            _raise(error)
        finally:
            stream.cancel()

    def list_participants(self) -> Sequence[Participant]:
        response = self._ask(self._participants.ListParticipants, participants.ListParticipantsRequest())
        participants_heard = []
        for bank in response.participants:
            try:
                participants_heard.append(_participant(bank))
            except SchemeError as error:
                # One bank that cannot be shown must not hide the others.
                log.warning(
                    "the hub's list has a bank that violates a rule of the scheme", ispb=bank.ispb, error=str(error)
                )
        return participants_heard

    def register_key(self, account: Account, kind: KeyKind, key: str, request_id: str) -> AccountKey:
        response = self._ask(
            self._directory.RegisterKey,
            directory.RegisterKeyRequest(
                key=key_to_wire(PixKey(kind, key)),
                branch=account.branch,
                account_number=account.number,
                holder_name=account.holder_name,
                holder_kind=_HOLDER_TO_WIRE[account.holder_kind],
                holder_tax_id=account.tax_id,
                request_id=request_id,
            ),
        )
        return _account_key(response.entry)

    def find_key(self, key: PixKey) -> Payee:
        found = self._ask(self._directory.FindKey, directory.FindKeyRequest(key=key_to_wire(key)))
        with _judging_an_answer():
            return Payee(
                key=parse_stored_key(found.key.key, key_from_wire(found.key).kind),
                name=check_stored_person_name(found.holder_name),
                tax_id_masked=check_masked_tax_id(found.tax_id_masked),
                holder_kind=_HOLDER_FROM_WIRE.get(found.holder_kind, HolderKind.PERSON),
                ispb=check_ispb(found.ispb),
                bank_code=check_bank_code(found.bank_code),
                bank_name=check_bank_name(found.bank_name),
            )

    def list_keys(self) -> Iterable[AccountKey]:
        return self._pages_of_keys()

    def _pages_of_keys(self) -> Iterator[AccountKey]:
        page_token = ""
        while True:
            page = self._ask(
                self._directory.ListKeys, directory.ListKeysRequest(page_size=KEYS_PER_PAGE, page_token=page_token)
            )
            for entry in page.entries:
                yield _account_key(entry)
            page_token = page.next_page_token
            if not page_token:
                return

    def remove_key(self, key: PixKey, account_number: str = "") -> None:
        request = directory.RemoveKeyRequest(
            key=key_to_wire(key), branch=BRANCH if account_number else "", account_number=account_number
        )
        self._ask(self._directory.RemoveKey, request)

    def settlement_account(self) -> SettlementAccount:
        account = self._ask(self._participants.GetSettlementAccount, participants.GetSettlementAccountRequest())
        with _judging_an_answer():
            return SettlementAccount(
                balance_centavos=account.balance_centavos,
                reserved_centavos=account.reserved_centavos,
                fundings=tuple(_funding(funding) for funding in account.fundings),
            )

    def find_progress(self, end_to_end_ids: Sequence[str]) -> Mapping[str, Progress]:
        found = self._ask(
            self._participants.FindTransfers, participants.FindTransfersRequest(end_to_end_ids=end_to_end_ids)
        )
        return {
            transfer.end_to_end_id: Progress(_time(transfer.offered_at_ms), _time(transfer.completed_at_ms))
            for transfer in found.transfers
        }

    def _ask(self, call: Callable[..., Response], request: Any, attempts_max: int = ATTEMPTS_MAX) -> Response:
        """Calls, and once more when there was no answer. Raises the errors of the port."""
        metadata: tuple[tuple[str, str], ...] = self._credentials
        if traceparent := self._traceparent():
            metadata = (*metadata, (TRACEPARENT, traceparent))
        for attempt in range(1, attempts_max + 1):
            try:
                return call(request, timeout=CALL_SECONDS_MAX, metadata=metadata)
            except grpc.RpcError as error:
                if _status(error) not in _WITHOUT_ANSWER or attempt == attempts_max:
                    _raise(error)
                self._pause.wait(RETRY_WAIT_SECONDS)
        raise AssertionError("the last attempt returns or raises")


@contextmanager
def _judging_an_answer() -> Iterator[None]:
    """An answer that breaks a rule of the scheme is no answer to show. Raises HubAnswerUnfit."""
    try:
        yield
    except SchemeError as error:
        log.warning("an answer of the hub violates a rule of the scheme", error=str(error))
        raise HubAnswerUnfit from None


def _account_key(entry: directory.KeyEntry) -> AccountKey:
    with _judging_an_answer():
        return AccountKey(
            check_account_number(entry.account_number),
            key_from_wire(entry.key),
            check_time_ms(entry.registered_at_ms, "registered_at_ms"),
        )


def _participant(bank: participants.Participant) -> Participant:
    return Participant(
        check_ispb(bank.ispb),
        check_bank_code(bank.code),
        check_bank_name(bank.name),
        check_color(bank.color),
        check_participant_url(bank.url),
        bank.active,
        known_features(bank.features),
        check_payload_host(bank.payload_host),
    )


def _funding(funding: participants.SettlementFunding) -> SettlementFunding:
    return SettlementFunding(
        check_plain_text(funding.funding_id, "funding_id"),
        funding.amount_centavos,
        check_time_ms(funding.funded_at_ms, "funded_at_ms"),
    )


def _time(at_ms: int) -> int | None:
    """When a step happened; None when it has not, or when the number is no time."""
    return at_ms if 0 < at_ms <= TIME_MS_MAX else None


def _status(error: Any) -> grpc.StatusCode:
    # What a call raises is an RpcError and a Call at once; the types do not say so.
    status = error.code() if hasattr(error, "code") else None
    return status if isinstance(status, grpc.StatusCode) else grpc.StatusCode.UNKNOWN


def _raise(error: Any) -> NoReturn:
    """The one table from gRPC's codes to the bank's errors."""
    status = _status(error)
    trailer: dict[str, str | bytes] = dict(error.trailing_metadata() or ()) if hasattr(error, "code") else {}
    field = _text(trailer.get(METADATA_FIELD)) or "hub"
    rule = _text(trailer.get(METADATA_RULE)) or "The hub refused it."
    match status:
        case grpc.StatusCode.NOT_FOUND if field in ("key", "hub"):
            raise KeyNotFound from None
        case grpc.StatusCode.ALREADY_EXISTS:
            raise KeyTaken(_text(trailer.get(METADATA_OWNER))) from None
        case grpc.StatusCode.RESOURCE_EXHAUSTED if field == "look_ups":
            raise LookUpLimitReached(_seconds(trailer.get(METADATA_RETRY_AFTER))) from None
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise KeyLimitReached(rule) from None
        case grpc.StatusCode.UNAUTHENTICATED:
            raise HubCredentialsRejected from None
        case grpc.StatusCode.INVALID_ARGUMENT if field != "hub":
            raise SchemeError(field, rule) from None
        case _ if status in _WITHOUT_ANSWER:
            log.warning("the hub does not answer", status=status.name)
            raise HubUnavailable from None
        case _:
            raise HubRejected(field, rule) from None


def _text(value: str | bytes | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def _seconds(value: str | bytes | None) -> int:
    text = _text(value)
    return int(text) if text.isascii() and text.isdigit() else RETRY_AFTER_SECONDS_DEFAULT
