"""gRPC: who may call, for whom, how often, and with what; over TLS and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine

from bank_sim.adapters.hub_client import GrpcHub
from bank_sim.domain.errors import HubCredentialsRejected, HubUnavailable, KeyNotFound, LookUpLimitReached
from codepix.v1 import common_pb2 as common
from codepix.v1 import directory_pb2 as directory
from codepix.v1 import directory_pb2_grpc, participants_pb2_grpc
from codepix.v1 import participants_pb2 as participants
from hub.adapters.postgres.unit_of_work import PostgresUnitsOfWork
from lab.network.certs import Certificates, make_certificates
from pix.rpc.server import MESSAGE_BYTES_MAX
from pix.rpc.tls import channel_credentials, server_credentials
from pix.runtime.health import Health
from pix.runtime.settings_error import SettingsError
from pix.scheme.buckets import BucketPolicy
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from tests.integration.attacks.inputs import COUNTS, HOSTILE
from tests.integration.attacks.test_attacks_records import state_of
from tests.support.hub import SECRETS, World
from tests.support.hub_builders import AURORA, BIAS_KEY, IPE, MARE, POLICY
from tests.support.participants import compose_hub

NOBODYS_KEY = PixKey(KeyKind.EMAIL, "nobody@example.com")
CALL_SECONDS = 10.0

Serve = Callable[..., str]
Connect = Callable[..., grpc.Channel]


@contextmanager
def refusal(*codes: grpc.StatusCode) -> Iterator[Any]:
    """The call is refused with one of these."""
    with pytest.raises(grpc.RpcError) as caught:
        yield caught
    assert caught.value.code() in codes, caught.value


def credentials(ispb: str, secret: str | None = None) -> tuple[tuple[str, str], ...]:
    return (("codepix-ispb", ispb), ("codepix-secret", secret or SECRETS[ispb]))


def hub_tls(made: Certificates, *, mutual: bool) -> grpc.ServerCredentials | None:
    authority = str(made.authority.certificate) if mutual else ""
    return server_credentials(str(made.hub.certificate), str(made.hub.key), authority)


@contextmanager
def bank(address: str, ispb: str, tls: grpc.ChannelCredentials | None, name: str = "localhost") -> Iterator[GrpcHub]:
    client = GrpcHub(address, ispb, SECRETS[ispb], tls=tls, tls_name=name)
    try:
        yield client
    finally:
        client.close()


def bank_tls(made: Certificates, code: str = "", authority: Certificates | None = None) -> Any:
    files = made.banks.get(code)
    return channel_credentials(
        str((authority or made).authority.certificate),
        str(files.certificate) if files else "",
        str(files.key) if files else "",
    )


def test_over_tls_the_hub_is_known_by_its_certificate(
    world: World, serve: Serve, certificates: Certificates, strangers_certificates: Certificates
) -> None:
    address = serve(world.application, hub_tls(certificates, mutual=False))
    with bank(address, AURORA, bank_tls(certificates)) as client:
        assert client.find_key(BIAS_KEY).name == "Bia Lima"
    with bank(address, AURORA, bank_tls(certificates), name="") as client:
        assert client.find_key(BIAS_KEY).name == "Bia Lima", "its address is in the certificate"
    with bank(address, AURORA, bank_tls(strangers_certificates)) as client, pytest.raises(HubUnavailable):
        client.find_key(BIAS_KEY)
    with bank(address, AURORA, bank_tls(certificates), name="another.example") as c, pytest.raises(HubUnavailable):
        c.find_key(BIAS_KEY)
    with bank(address, AURORA, None) as client, pytest.raises(HubUnavailable):
        client.find_key(BIAS_KEY)


def test_over_mutual_tls_a_bank_shows_its_own_certificate(
    world: World, serve: Serve, certificates: Certificates, strangers_certificates: Certificates
) -> None:
    address = serve(world.application, hub_tls(certificates, mutual=True))
    with bank(address, AURORA, bank_tls(certificates, "001")) as client:
        assert client.find_key(BIAS_KEY).name == "Bia Lima"
    with bank(address, AURORA, bank_tls(certificates)) as client, pytest.raises(HubUnavailable):
        client.find_key(BIAS_KEY)
    of_another_authority = bank_tls(strangers_certificates, "001", certificates)
    with bank(address, AURORA, of_another_authority) as client, pytest.raises(HubUnavailable):
        client.find_key(BIAS_KEY)
    # Rightly signed, and with the right secret, but another bank's: a secret alone is not enough, nor a certificate.
    with bank(address, AURORA, bank_tls(certificates, "002")) as client, pytest.raises(HubCredentialsRejected):
        client.find_key(BIAS_KEY)
    with bank(address, MARE, bank_tls(certificates, "001")) as client, pytest.raises(HubCredentialsRejected):
        client.find_key(BIAS_KEY)


def test_files_that_are_missing_are_named_with_their_setting(certificates: Certificates) -> None:
    hub = certificates.hub
    with pytest.raises(SettingsError, match="GRPC_TLS_KEY: cannot read /nowhere"):
        server_credentials(str(hub.certificate), "/nowhere", "")
    with pytest.raises(SettingsError, match="the one needs the other"):
        server_credentials(str(hub.certificate), "", "")
    with pytest.raises(SettingsError, match="HUB_TLS_CA"):
        channel_credentials("", str(hub.certificate), str(hub.key))
    with pytest.raises(SettingsError, match="the one needs the other"):
        channel_credentials(str(certificates.authority.certificate), str(hub.certificate), "")
    assert server_credentials("", "", "") is None and channel_credentials("", "", "") is None


def test_keys_are_for_their_owner_alone_and_what_is_there_stays(tmp_path: Path) -> None:
    first = make_certificates(tmp_path, ["001"])
    everything = (first.authority, first.hub, *first.banks.values())
    kept = [(files.key.read_bytes(), files.certificate.read_bytes()) for files in everything]
    later = make_certificates(tmp_path, ["001", "002"])
    assert [(files.key.read_bytes(), files.certificate.read_bytes()) for files in everything] == kept
    assert all(files.key.stat().st_mode & 0o077 == 0 for files in (*everything, later.banks["002"]))
    with pytest.raises(SchemeError):
        make_certificates(tmp_path, ["../001"])


def test_who_calls_without_the_banks_secret_is_told_the_same_whatever_is_wrong(
    world: World, serve: Serve, connect: Connect
) -> None:
    stub = directory_pb2_grpc.DirectoryServiceStub(connect(serve(world.application)))
    request = directory.FindKeyRequest(key=common.PixKey(kind=common.KEY_KIND_EMAIL, key="bia@example.com"))
    told = set()
    attempts: list[tuple[tuple[str, str], ...]] = [
        (),
        (("codepix-ispb", AURORA),),
        credentials(AURORA, "wrong"),
        credentials(AURORA, SECRETS[IPE]),
        credentials("99999999", SECRETS[AURORA]),
        credentials("' OR '1'='1", "' OR '1'='1"),
        credentials(AURORA, "x" * 4_000),
    ]
    for metadata in attempts:
        with refusal(grpc.StatusCode.UNAUTHENTICATED) as caught:
            stub.FindKey(request, metadata=metadata, timeout=CALL_SECONDS)
        told.add(caught.value.details())
        COUNTS["gRPC calls"] += 1
    assert len(told) == 1


def test_both_secrets_are_valid_while_they_change_and_the_third_retires_the_first(
    world: World, serve: Serve, connect: Connect
) -> None:
    stub = participants_pb2_grpc.ParticipantServiceStub(connect(serve(world.application)))

    def may_call(secret: str) -> bool:
        try:
            stub.ListParticipants(
                participants.ListParticipantsRequest(), metadata=credentials(AURORA, secret), timeout=CALL_SECONDS
            )
        except grpc.RpcError:
            return False
        return True

    secrets = [SECRETS[AURORA], "the second secret of Aurora", "the third secret of Aurora"]
    for secret in secrets[1:2]:
        world.application.add_bank(code="001", name="Banco Aurora", color="#5b2a86", secret=secret)
    assert [may_call(secret) for secret in secrets] == [True, True, False]
    world.application.add_bank(code="001", name="Banco Aurora", color="#5b2a86", secret=secrets[2])
    assert [may_call(secret) for secret in secrets] == [False, True, True]


def test_a_bank_acts_for_itself_alone(world: World, engine: Engine, serve: Serve, connect: Connect) -> None:
    end_to_end_id = world.pay(1)
    channel = connect(serve(world.application))
    keys = directory_pb2_grpc.DirectoryServiceStub(channel)
    banks = participants_pb2_grpc.ParticipantServiceStub(channel)
    before = state_of(engine)
    mare: dict[str, Any] = {"metadata": credentials(MARE), "timeout": CALL_SECONDS}
    bias = common.PixKey(kind=common.KEY_KIND_EMAIL, key="bia@example.com")
    with refusal(grpc.StatusCode.NOT_FOUND):
        keys.RemoveKey(directory.RemoveKeyRequest(key=bias), **mare)
    assert not keys.ListKeys(directory.ListKeysRequest(branch="0001", account_number="200002-2"), **mare).entries
    assert not banks.FindTransfers(participants.FindTransfersRequest(end_to_end_ids=[end_to_end_id]), **mare).transfers
    with refusal(grpc.StatusCode.INVALID_ARGUMENT):
        banks.JoinNetwork(participants.JoinNetworkRequest(code="001", name="Maré as Aurora", color="#000000"), **mare)
    assert state_of(engine) == before


def test_a_bank_that_guesses_keys_has_to_wait_and_one_that_pays_does_not(
    world: World, engine: Engine, serve: Serve
) -> None:
    few = BucketPolicy(capacity=10, tokens_per_minute=60)
    application = compose_hub(
        PostgresUnitsOfWork(engine), world.clock, Health(), POLICY, None, few, monotonic_ms=world.clock.now_ms
    )
    address = serve(application)
    with bank(address, AURORA, None) as guesser, bank(address, IPE, None) as payer:
        for _ in range(4):
            with pytest.raises(KeyNotFound):
                guesser.find_key(NOBODYS_KEY)
        with pytest.raises(LookUpLimitReached) as caught:
            guesser.find_key(BIAS_KEY)
        assert caught.value.retry_after_seconds == 3
        for _ in range(10):
            payer.find_key(BIAS_KEY)
        with pytest.raises(LookUpLimitReached):
            payer.find_key(BIAS_KEY)
        world.clock.at_ms += 3_000
        assert guesser.find_key(BIAS_KEY).name == "Bia Lima"


def raw_call(channel: grpc.Channel, path: str) -> Any:
    """A call that takes and gives bytes."""
    return channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)


REQUESTS: list[tuple[str, type[Any], Any]] = [
    ("codepix.v1.DirectoryService/RegisterKey", directory.RegisterKeyRequest, "directory"),
    ("codepix.v1.DirectoryService/FindKey", directory.FindKeyRequest, "directory"),
    ("codepix.v1.DirectoryService/ListKeys", directory.ListKeysRequest, "directory"),
    ("codepix.v1.DirectoryService/RemoveKey", directory.RemoveKeyRequest, "directory"),
    ("codepix.v1.ParticipantService/JoinNetwork", participants.JoinNetworkRequest, "participants"),
    ("codepix.v1.ParticipantService/FindTransfers", participants.FindTransfersRequest, "participants"),
]


def requests_with(message_class: type[Any], text: str) -> Iterator[Any]:
    """The message with the text in one field after the other, and valid ones in the rest."""
    for field in message_class.DESCRIPTOR.fields:
        message = message_class()
        if message_class is directory.RegisterKeyRequest:
            message.key.CopyFrom(common.PixKey(kind=common.KEY_KIND_EMAIL, key="new@example.com"))
            message.branch, message.account_number, message.holder_name = "0001", "300003-3", "Carla Dias"
            message.holder_kind, message.holder_tax_id = directory.HOLDER_KIND_PERSON, "39053344705"
        if field.message_type is not None:
            getattr(message, field.name).CopyFrom(common.PixKey(kind=common.KEY_KIND_EMAIL, key=text))
        elif field.type == field.TYPE_STRING:
            if field.is_repeated:
                getattr(message, field.name).append(text)
            else:
                setattr(message, field.name, text)
        else:
            continue
        yield message


def test_hostile_texts_in_every_field_are_refused_or_kept_as_they_are(
    world: World, engine: Engine, serve: Serve, connect: Connect
) -> None:
    channel = connect(serve(world.application))
    before = state_of(engine)
    for path, message_class, _ in REQUESTS:
        call = raw_call(channel, f"/{path}")
        for hostile in HOSTILE:
            for message in requests_with(message_class, hostile):
                COUNTS["hostile texts over gRPC"] += 1
                try:
                    call(message.SerializeToString(), metadata=credentials(MARE), timeout=CALL_SECONDS)
                except grpc.RpcError as error:
                    assert error.code() in REFUSALS, (path, hostile, error)
                    assert "Traceback" not in str(error.details())
    after = state_of(engine)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"pix_keys", "key_events", "key_tallies", "banks"}, "what Maré may do with its own keys and name"
    assert len(after["banks"]) == 3
    assert all(MARE in row for row in after["key_events"] if row not in before["key_events"])
    assert [row for row in after["pix_keys"] if MARE not in row] == before["pix_keys"]


REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def test_what_is_too_large_or_no_protobuf_is_refused_and_the_hub_lives_on(
    world: World, engine: Engine, serve: Serve, connect: Connect
) -> None:
    channel = connect(serve(world.application))
    call = raw_call(channel, "/codepix.v1.DirectoryService/FindKey")
    before = state_of(engine)
    ours: dict[str, Any] = {"metadata": credentials(AURORA), "timeout": CALL_SECONDS}
    with refusal(grpc.StatusCode.RESOURCE_EXHAUSTED):
        call(b"\x0a" * (MESSAGE_BYTES_MAX + 1), **ours)
    for value in (b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\x12\x7f", b"\x08"):
        with refusal(grpc.StatusCode.INTERNAL):
            call(value, **ours)
        COUNTS["gRPC calls"] += 1
    with refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL):
        call(b"", metadata=(*credentials(AURORA), ("x-large", "x" * 100_000)), timeout=CALL_SECONDS)
    with refusal(grpc.StatusCode.UNIMPLEMENTED):
        raw_call(channel, "/codepix.v1.DirectoryService/DropTables")(b"", **ours)
    assert state_of(engine) == before
    found = call(
        directory.FindKeyRequest(
            key=common.PixKey(kind=common.KEY_KIND_EMAIL, key="bia@example.com")
        ).SerializeToString(),
        **ours,
    )
    assert directory.FindKeyResponse.FromString(found).holder_name == "Bia Lima"
