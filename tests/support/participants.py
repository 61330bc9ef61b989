"""Hubs and banks on any stores, with their edge to the wire: as the composition roots put them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from bank_sim.application.use_cases import BankApplication
from bank_sim.application.use_cases import compose as compose_application_of_bank
from bank_sim.entrypoints.gateway import bank_gateway
from hub.application.use_cases import HubApplication
from hub.application.use_cases import compose as compose_application_of_hub
from hub.entrypoints.gateway import hub_gateway
from pix.messaging.batches import BatchHandler
from pix.messaging.consumer import isolating_poison
from pix.participant.clock.following import following
from pix.participant.gateway import ProcessMessages
from pix.runtime.clock import SchemeClock, monotonic_ms
from pix.scheme.deliveries import Rejected
from pix.wire.protobuf_v1.codec import ProtobufV1Codec
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record

Publish = Callable[[Sequence[Record]], object]


def compose_hub(
    units: Any,
    clock: Any,
    *parts: Any,
    scheme_clock: SchemeClock | None = None,
    publish: Publish = lambda _: None,
    **named: Any,
) -> HubApplication:
    """The hub's use cases; `publish` gets the answers to a dead letter that is replayed.

    `clock` is also the scheme's, unless there is another.
    """

    def process_again(envelope: object) -> None:
        publish(hub_handler(application)([cast(Record, envelope)]))

    application = compose_application_of_hub(
        units, scheme_clock or clock, clock, *parts, derive_wire_key=signing_key, process_again=process_again, **named
    )
    return application


def hub_handler(application: HubApplication, monotonic_ms: Callable[[], int] = monotonic_ms) -> BatchHandler:
    """What a batch of the banks' records goes through."""
    control = application.network_clock
    codec = ProtobufV1Codec if control is None else partial(ProtobufV1Codec, clock=lambda: control.network.time)
    gateway = hub_gateway(application.queries.wire_keys, monotonic_ms, codec)
    return _isolating(gateway.handler(application.process_messages), application)


def compose_bank(
    *,
    secret: str,
    clock: Any,
    scheme_clock: SchemeClock | None = None,
    secret_other: str = "",
    publish: Publish = lambda _: None,
    payload_host: str = "bank.example",
    **named: Any,
) -> BankApplication:
    """A bank's use cases; `publish` gets the answers to a dead letter that is replayed."""

    def process_again(envelope: object) -> None:
        publish(bank_handler(application, secret, secret_other)([cast(Record, envelope)]))

    application = compose_application_of_bank(
        process_again=process_again,
        scheme_clock=scheme_clock or clock,
        clock=clock,
        payload_host=payload_host,
        **named,
    )
    return application


def bank_handler(application: BankApplication, secret: str, secret_other: str = "") -> BatchHandler:
    """What a batch of the hub's records goes through."""
    gateway = bank_gateway(application.identity.ispb, secret, secret_other)
    process: ProcessMessages = application.process_messages
    if application.follow_clock is not None:
        process = following(application.follow_clock, process)
    return _isolating(gateway.handler(process), application)


def _isolating(handle: BatchHandler, application: HubApplication | BankApplication) -> BatchHandler:
    def store(record: Record, reason: str) -> None:
        application.dead_letters.store(Rejected(record, "", reason))

    return isolating_poison(handle, store)
