"""The gRPC services on a real server: what they answer, and each error with its code, field and rule."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from sqlalchemy import Engine, create_engine

from codepix.v1 import common_pb2 as common
from codepix.v1 import directory_pb2 as directory
from codepix.v1 import directory_pb2_grpc, participants_pb2_grpc
from codepix.v1 import participants_pb2 as participants
from hub.adapters.postgres.unit_of_work import PostgresUnitsOfWork
from hub.domain.liveness import Liveness
from hub.entrypoints.grpc.server import add_services
from hub.entrypoints.http.api.documents import BankDocument
from lab.network.parts.ports import free_port
from pix.rpc.client import open_channel
from pix.rpc.kinds import GrpcServerKind
from pix.rpc.server import serve_grpc
from pix.runtime.clock import SystemClock
from pix.runtime.health import Health
from pix.scheme.features import Feature
from pix.scheme.messages import Side
from tests.support.channels import TRIES_AT_ONCE
from tests.support.clock import TurnedClock
from tests.support.hub import FUNDS, SECRETS, World
from tests.support.hub_builders import AURORA, IPE, MARE, NOW_MS, POLICY, e2e
from tests.support.participants import compose_hub

DEADLINE_SECONDS = 60.0
CPF, OTHER_CPF, CNPJ = "52998224725", "11144477735", "12ABC34501DE35"
HOLDER = {
    "branch": "0001",
    "account_number": "200002-2",
    "holder_name": "Bia Lima",
    "holder_kind": directory.HOLDER_KIND_PERSON,
    "holder_tax_id": OTHER_CPF,
}


@dataclass
class Hub:
    """A channel to a running hub."""

    channel: grpc.Channel
    address: str

    @property
    def directory(self) -> directory_pb2_grpc.DirectoryServiceStub:
        return directory_pb2_grpc.DirectoryServiceStub(self.channel)

    @property
    def participants(self) -> participants_pb2_grpc.ParticipantServiceStub:
        return participants_pb2_grpc.ParticipantServiceStub(self.channel)


@pytest.fixture(scope="module", params=list(GrpcServerKind))
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[[Any], Hub]]:
    """Serves an application until the end of this module's tests, by either kind of server."""
    stop = threading.Event()
    threads, channels = [], []

    def start(application: Any) -> Hub:
        port = free_port()
        thread = threading.Thread(
            target=serve_grpc,
            args=(lambda server: add_services(server, application), "127.0.0.1", port, stop),
            kwargs={"kind": request.param},
        )
        thread.start()
        threads.append(thread)
        channel = open_channel(f"127.0.0.1:{port}", TRIES_AT_ONCE)
        channels.append(channel)
        grpc.channel_ready_future(channel).result(DEADLINE_SECONDS)
        return Hub(channel, f"127.0.0.1:{port}")

    yield start
    for channel in channels:
        channel.close()
    stop.set()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()


class BorrowedClock:
    """The clock of the test that runs now, for the one server of all of them."""

    clock = TurnedClock()

    def now_ms(self) -> int:
        return self.clock.now_ms()

    def real_now_ms(self) -> int:
        return self.clock.real_now_ms()


@pytest.fixture(scope="module")
def served(serve: Callable[[Any], Hub], shared_engine: Engine) -> tuple[Hub, BorrowedClock]:
    clock = BorrowedClock()
    return serve(compose_hub(PostgresUnitsOfWork(shared_engine), clock, Health(), POLICY, None)), clock


@pytest.fixture
def hub(served: tuple[Hub, BorrowedClock], world: World) -> Hub:
    hub, clock = served
    clock.clock = world.clock
    return hub


def as_bank(ispb: str, secret: str | None = None) -> tuple[tuple[str, str], ...]:
    return (("codepix-ispb", ispb), ("codepix-secret", secret or SECRETS[ispb]))


def refused(call: Callable[..., object], request: object, caller: tuple[tuple[str, str], ...]) -> tuple[str, str, str]:
    """The code, the field and the rule of a call that fails."""
    with pytest.raises(grpc.RpcError) as failure:
        call(request, metadata=caller, timeout=DEADLINE_SECONDS)
    error = cast("grpc.Call", failure.value)
    trailer = {name: value for name, value in error.trailing_metadata() or ()}  # noqa: C416 - pairs of a special kind
    return error.code().name, str(trailer.get("codepix-field", "")), str(trailer.get("codepix-rule", ""))


def key(kind: common.KeyKind.ValueType, text: str = "") -> common.PixKey:
    return common.PixKey(kind=kind, key=text)


def registration(pix_key: common.PixKey, **changes: Any) -> directory.RegisterKeyRequest:
    return directory.RegisterKeyRequest(key=pix_key, **{**HOLDER, **changes})


# Keys.


def test_a_key_is_registered_found_listed_and_removed(hub: Hub) -> None:
    typed, phone = (key(common.KEY_KIND_PHONE, text) for text in ("(11) 98765-4321", "+5511987654321"))
    entry = hub.directory.RegisterKey(registration(typed), metadata=as_bank(IPE)).entry
    assert (entry.key.key, entry.holder_name, entry.tax_id_masked) == ("+5511987654321", "Bia Lima", "***.444.777-**")
    again = hub.directory.RegisterKey(registration(phone), metadata=as_bank(IPE)).entry
    assert again == entry, "a repetition is harmless"

    found = hub.directory.FindKey(directory.FindKeyRequest(key=phone), metadata=as_bank(AURORA))
    assert (found.holder_name, found.bank_code, found.bank_name, found.ispb) == ("Bia Lima", "002", "Banco Ipê", IPE)
    assert found.holder_kind == directory.HOLDER_KIND_PERSON

    for ask, request in (
        (hub.directory.FindKey, directory.FindKeyRequest(key=typed)),
        (hub.directory.RemoveKey, directory.RemoveKeyRequest(key=typed)),
    ):
        code, field, _ = refused(ask, request, as_bank(IPE))
        assert (code, field) == ("INVALID_ARGUMENT", "key"), "only a registration takes what a customer wrote"

    listed = hub.directory.ListKeys(directory.ListKeysRequest(), metadata=as_bank(IPE))
    assert [each.key.key for each in listed.entries] == ["+5511987654321", "bia@example.com"]
    assert hub.directory.ListKeys(directory.ListKeysRequest(), metadata=as_bank(MARE)).entries == []

    hub.directory.RemoveKey(directory.RemoveKeyRequest(key=phone), metadata=as_bank(IPE))
    code, field, _ = refused(hub.directory.FindKey, directory.FindKeyRequest(key=phone), as_bank(IPE))
    assert (code, field) == ("NOT_FOUND", "key")


def test_a_random_key_is_made_once_per_request(hub: Hub) -> None:
    evp, request_id = key(common.KEY_KIND_EVP), uuid4()
    first = hub.directory.RegisterKey(registration(evp, request_id=str(request_id)), metadata=as_bank(IPE)).entry
    again = hub.directory.RegisterKey(
        registration(evp, request_id=str(request_id).upper()), metadata=as_bank(IPE)
    ).entry
    other = hub.directory.RegisterKey(registration(evp, request_id=str(uuid4())), metadata=as_bank(IPE)).entry
    assert first == again != other
    assert first.key.kind == common.KEY_KIND_EVP


def test_a_page_of_keys_leads_to_the_next(hub: Hub, world: World) -> None:
    for number in range(3):
        world.clock.at_ms += number // 2
        hub.directory.RegisterKey(
            registration(key(common.KEY_KIND_EMAIL, f"bia{number}@example.com")), metadata=as_bank(IPE)
        )
    seen: list[str] = []
    token = ""
    while True:
        page = hub.directory.ListKeys(directory.ListKeysRequest(page_size=2, page_token=token), metadata=as_bank(IPE))
        seen += [entry.key.key for entry in page.entries]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["bia0@example.com", "bia1@example.com", "bia@example.com", "bia2@example.com"]
    of_account = directory.ListKeysRequest(branch="0001", account_number="none")
    assert hub.directory.ListKeys(of_account, metadata=as_bank(IPE)).entries == []


EMAIL = key(common.KEY_KIND_EMAIL, "new@example.com")


@pytest.mark.parametrize(
    ("request_", "code", "field", "rule"),
    [
        (registration(key(common.KEY_KIND_CPF, "529.982.247-26")), "INVALID_ARGUMENT", "key", "CPF check digits"),
        (registration(key(common.KEY_KIND_CPF, CPF)), "INVALID_ARGUMENT", "key", "holder's own CPF"),
        (registration(key(common.KEY_KIND_EVP, "chosen")), "INVALID_ARGUMENT", "key", "you cannot choose"),
        (registration(key(common.KEY_KIND_EVP), request_id="no"), "INVALID_ARGUMENT", "request_id", "UUID"),
        (registration(key(common.KEY_KIND_UNSPECIFIED, "x")), "INVALID_ARGUMENT", "key.kind", "must be CPF"),
        (registration(EMAIL, branch=""), "INVALID_ARGUMENT", "branch", "1 to 4 digits"),
        (registration(EMAIL, branch="\x00"), "INVALID_ARGUMENT", "branch", "1 to 4 digits"),
        (registration(EMAIL, branch="00001"), "INVALID_ARGUMENT", "branch", "1 to 4 digits"),
        (registration(EMAIL, account_number="ç"), "INVALID_ARGUMENT", "account_number", "digits or letters"),
        (registration(EMAIL, account_number="1'--"), "INVALID_ARGUMENT", "account_number", "digits or letters"),
        (registration(EMAIL, account_number="1" * 21), "INVALID_ARGUMENT", "account_number", "1 to 20"),
        (
            registration(EMAIL, holder_kind=directory.HOLDER_KIND_UNSPECIFIED),
            "INVALID_ARGUMENT",
            "holder_kind",
            "person",
        ),
        (registration(EMAIL, holder_kind=directory.HOLDER_KIND_COMPANY), "INVALID_ARGUMENT", "holder_kind", "CNPJ"),
        (registration(EMAIL, holder_tax_id="1"), "INVALID_ARGUMENT", "holder_tax_id", "11 digits"),
        (registration(EMAIL, holder_name=""), "INVALID_ARGUMENT", "holder_name", "required"),
        (registration(EMAIL, holder_name="Bia\x00"), "INVALID_ARGUMENT", "holder_name", "control"),
        (registration(EMAIL, holder_name="\u3164"), "INVALID_ARGUMENT", "holder_name", "invisible"),
        (registration(EMAIL, holder_name="\u202eaiB"), "INVALID_ARGUMENT", "holder_name", "invisible"),
        (registration(EMAIL, holder_name="x" * 81), "INVALID_ARGUMENT", "holder_name", "80"),
        (registration(key(common.KEY_KIND_EMAIL, "bia@example.com"), account_number="9"), "ALREADY_EXISTS", "key", ""),
    ],
)
def test_a_registration_that_breaks_a_rule_is_told_which(
    hub: Hub, request_: directory.RegisterKeyRequest, code: str, field: str, rule: str
) -> None:
    told_code, told_field, told_rule = refused(hub.directory.RegisterKey, request_, as_bank(IPE))
    assert (told_code, told_field) == (code, field)
    assert rule in told_rule


def test_a_key_of_another_bank_names_that_bank_and_not_the_owner(hub: Hub) -> None:
    request = registration(key(common.KEY_KIND_EMAIL, "bia@example.com"), holder_tax_id=CPF, holder_name="Ana")
    with pytest.raises(grpc.RpcError) as failure:
        hub.directory.RegisterKey(request, metadata=as_bank(AURORA))
    error = cast("grpc.Call", failure.value)
    assert error.code() is grpc.StatusCode.ALREADY_EXISTS
    assert error.details() == "key: is registered for an account at Banco Ipê"
    trailer = dict(cast("Any", error.trailing_metadata()))
    assert trailer["codepix-owner-bin"] == "Banco Ipê".encode()
    assert trailer["codepix-rule"] == "is registered for an account at Banco Ip?"


def test_an_account_has_as_many_keys_as_the_scheme_allows(hub: Hub) -> None:
    for number in range(4):
        hub.directory.RegisterKey(
            registration(key(common.KEY_KIND_EMAIL, f"bia{number}@example.com")), metadata=as_bank(IPE)
        )
    code, field, rule = refused(hub.directory.RegisterKey, registration(EMAIL), as_bank(IPE))
    assert (code, field, rule) == ("RESOURCE_EXHAUSTED", "key", "an account of a person has at most 5 keys")
    repeated = registration(key(common.KEY_KIND_EMAIL, "bia0@example.com"))
    assert hub.directory.RegisterKey(repeated, metadata=as_bank(IPE)).entry.key.key == "bia0@example.com"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (directory.ListKeysRequest(page_size=1_001), "page_size"),
        (directory.ListKeysRequest(page_size=-1), "page_size"),
        (directory.ListKeysRequest(page_token="nonsense"), "page_token"),
        (directory.ListKeysRequest(page_token="1:"), "page_token"),
        (directory.ListKeysRequest(page_token=f"{'9' * 30}:key"), "page_token"),
        (directory.ListKeysRequest(page_token="1:\x00"), "page_token"),
        (directory.ListKeysRequest(page_token="²:key"), "page_token"),
    ],
)
def test_a_page_that_we_never_gave_is_refused(hub: Hub, request_: directory.ListKeysRequest, field: str) -> None:
    assert refused(hub.directory.ListKeys, request_, as_bank(IPE))[:2] == ("INVALID_ARGUMENT", field)


def test_a_question_about_what_cannot_be_is_told_which_field_it_is(hub: Hub) -> None:
    branch, number = directory.ListKeysRequest(branch="\x00"), directory.ListKeysRequest(account_number="\x00")
    assert refused(hub.directory.ListKeys, branch, as_bank(IPE))[:2] == ("INVALID_ARGUMENT", "branch")
    assert refused(hub.directory.ListKeys, number, as_bank(IPE))[:2] == ("INVALID_ARGUMENT", "account_number")
    for text in ("\x00", "E1", ""):
        ids = participants.FindTransfersRequest(end_to_end_ids=[text])
        told = refused(hub.participants.FindTransfers, ids, as_bank(IPE))
        assert told[:2] == ("INVALID_ARGUMENT", "end_to_end_ids")


def test_a_removal_may_name_the_account(hub: Hub) -> None:
    request = directory.RemoveKeyRequest(key=key(common.KEY_KIND_EMAIL, "bia@example.com"), branch="0001")
    assert refused(hub.directory.RemoveKey, request, as_bank(IPE))[:2] == ("INVALID_ARGUMENT", "account_number")
    request.account_number = "100001-1"
    assert refused(hub.directory.RemoveKey, request, as_bank(IPE))[:2] == ("NOT_FOUND", "key")
    request.account_number = "200002-2"
    hub.directory.RemoveKey(request, metadata=as_bank(IPE))
    assert hub.directory.ListKeys(directory.ListKeysRequest(), metadata=as_bank(IPE)).entries == []


def test_a_key_can_be_removed_by_its_own_bank_alone(hub: Hub) -> None:
    request = directory.RemoveKeyRequest(key=key(common.KEY_KIND_EMAIL, "bia@example.com"))
    assert refused(hub.directory.RemoveKey, request, as_bank(AURORA))[:2] == ("NOT_FOUND", "key")
    hub.directory.RemoveKey(request, metadata=as_bank(IPE))
    assert refused(hub.directory.RemoveKey, request, as_bank(IPE))[:2] == ("NOT_FOUND", "key")
    malformed = directory.RemoveKeyRequest(key=key(common.KEY_KIND_CPF, "1"))
    assert refused(hub.directory.RemoveKey, malformed, as_bank(IPE))[:2] == ("INVALID_ARGUMENT", "key")


# Participants.


def announcement(**changes: Any) -> participants.JoinNetworkRequest:
    plain = {"code": "002", "name": "Ipê", "color": "#C98A00", "url": "http://127.0.0.1:8002", "version": "1.2"}
    return participants.JoinNetworkRequest(**{**plain, **changes})


def test_a_bank_announces_itself_and_all_see_it(hub: Hub, world: World) -> None:
    joined = hub.participants.JoinNetwork(announcement(), metadata=as_bank(IPE)).participant
    assert (joined.name, joined.color, joined.url, joined.active) == ("Ipê", "#c98a00", "http://127.0.0.1:8002", True)
    listed = hub.participants.ListParticipants(participants.ListParticipantsRequest(), metadata=as_bank(AURORA))
    assert [each.code for each in listed.participants] == ["001", "002", "003"]
    assert listed.participants[1] == joined
    bank = {each.ispb: each for each in world.application.queries.list_banks()}[IPE]
    assert (bank.joined_at_ms, bank.version) == (NOW_MS, "1.2")


def test_a_bank_has_the_payload_host_that_it_last_announced(hub: Hub) -> None:
    def announced(**changes: str) -> str:
        return hub.participants.JoinNetwork(announcement(**changes), metadata=as_bank(IPE)).participant.payload_host

    assert announced(payload_host="IPE.example:8002") == "ipe.example:8002"
    assert announced(payload_host="[::1]") == "[::1]"
    assert announced() == "", "a version that announces none took its place"


@pytest.mark.parametrize(
    "host",
    ["http://ipe.example", "ipe.example/qr", "user@ipe.example", "ipe.example:0", "ipé.example", "h" * 44],
)
def test_a_payload_host_that_is_none_is_refused(hub: Hub, host: str) -> None:
    request = announcement(payload_host=host)
    assert refused(hub.participants.JoinNetwork, request, as_bank(IPE))[:2] == ("INVALID_ARGUMENT", "payload_host")


def test_a_bank_has_the_features_that_it_last_announced(hub: Hub, world: World) -> None:
    def features() -> list[str]:
        return sorted({each.ispb: each for each in world.application.queries.list_banks()}[IPE].features)

    hub.participants.JoinNetwork(announcement(features=["manu", "of a later version"]), metadata=as_bank(IPE))
    assert features() == ["manu"]
    assert BankDocument.of(world.application.read_bank_states()[1]).features == [Feature.MANU]
    hub.participants.JoinNetwork(announcement(features=["manu", "returns"]), metadata=as_bank(IPE))
    assert features() == ["manu", "returns"]
    hub.participants.JoinNetwork(announcement(), metadata=as_bank(IPE))
    assert features() == [], "a version that announces nothing took its place"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "001"}, "code"),
        ({"name": ""}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"color": "red"}, "color"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "http://a b"}, "url"),
        ({"url": "http://\x00"}, "url"),
        ({"url": "http://"}, "url"),
        ({"url": "http://[::1"}, "url"),
        ({"url": "https://bank.example@evil.example/"}, "url"),
        ({"url": "http://bank.example/\u202e"}, "url"),
        ({"name": "\u2800"}, "name"),
        ({"name": "Ipê\u200b"}, "name"),
        ({"url": f"http://{'x' * 200}"}, "url"),
        ({"version": "1\x00"}, "version"),
    ],
)
def test_an_announcement_that_breaks_a_rule_is_told_which(hub: Hub, changes: dict[str, str], field: str) -> None:
    told = refused(hub.participants.JoinNetwork, announcement(**changes), as_bank(IPE))
    assert told[:2] == ("INVALID_ARGUMENT", field)


def test_the_account_of_record_is_the_callers_own(hub: Hub, world: World) -> None:
    world.complete(world.pay(1, amount=500))
    world.pay(2, amount=300)
    request = participants.GetSettlementAccountRequest()
    account = hub.participants.GetSettlementAccount(request, metadata=as_bank(AURORA))
    assert (account.balance_centavos, account.reserved_centavos) == (FUNDS - 500, 300)
    assert [(each.funding_id, each.amount_centavos) for each in account.fundings] == [(f"opening-{AURORA}", FUNDS)]
    assert hub.participants.GetSettlementAccount(request, metadata=as_bank(IPE)).balance_centavos == FUNDS + 500


def test_a_bank_learns_where_its_own_transfers_stand(hub: Hub, world: World) -> None:
    done, open_one = world.complete(world.pay(1)), world.pay(2)
    world.accept(open_one)
    world.note(open_one, Side.PAYER)
    request = participants.FindTransfersRequest(end_to_end_ids=[done, open_one, e2e(99)])
    for ispb in (AURORA, IPE):
        found = hub.participants.FindTransfers(request, metadata=as_bank(ispb)).transfers
        by_id = {each.end_to_end_id: each for each in found}
        assert set(by_id) == {done, open_one}
        assert by_id[done].status == participants.TRANSFER_STATUS_COMPLETED
        assert by_id[done].completed_at_ms > by_id[done].decided_at_ms > by_id[done].offered_at_ms > 0
        assert by_id[open_one].status == participants.TRANSFER_STATUS_CONFIRMED
        assert (by_id[open_one].completed_at_ms, by_id[open_one].payee_processed_at_ms) == (0, 0)
        assert (by_id[done].payer.name, by_id[done].payee.name) == ("Ana Souza", "Bia Lima")
    assert hub.participants.FindTransfers(request, metadata=as_bank(MARE)).transfers == []
    too_many = participants.FindTransfersRequest(end_to_end_ids=[e2e(number) for number in range(101)])
    told = refused(hub.participants.FindTransfers, too_many, as_bank(IPE))
    assert told[:2] == ("INVALID_ARGUMENT", "end_to_end_ids")


# Who calls.


@pytest.mark.parametrize(
    "caller", [(), as_bank(IPE, "wrong"), (("codepix-ispb", "00000099"), ("codepix-secret", SECRETS[IPE]))]
)
def test_who_does_not_prove_itself_is_told_nothing(hub: Hub, caller: tuple[tuple[str, str], ...]) -> None:
    calls: list[tuple[Callable[..., object], object]] = [
        (hub.directory.RegisterKey, directory.RegisterKeyRequest()),
        (hub.directory.FindKey, directory.FindKeyRequest()),
        (hub.directory.ListKeys, directory.ListKeysRequest()),
        (hub.directory.RemoveKey, directory.RemoveKeyRequest()),
        (hub.participants.JoinNetwork, participants.JoinNetworkRequest()),
        (hub.participants.ListParticipants, participants.ListParticipantsRequest()),
        (hub.participants.GetSettlementAccount, participants.GetSettlementAccountRequest()),
        (hub.participants.FindTransfers, participants.FindTransfersRequest()),
        (hub.participants.KeepInTouch, participants.KeepInTouchRequest()),
        (hub.participants.LeaveNetwork, participants.LeaveNetworkRequest()),
    ]
    for call, request in calls:
        assert refused(call, request, caller) == (
            "UNAUTHENTICATED",
            "codepix-secret",
            "is not the secret of this bank",
        )


def test_a_suspended_bank_may_not_use_the_directory_but_keeps_its_own_record(hub: Hub, world: World) -> None:
    done = world.complete(world.pay(1))
    world.application.suspend_bank("002")
    refusal = ("PERMISSION_DENIED", "codepix-ispb", "the bank is suspended (DS27)")
    assert refused(hub.directory.FindKey, directory.FindKeyRequest(), as_bank(IPE)) == refusal
    assert refused(hub.directory.RegisterKey, directory.RegisterKeyRequest(), as_bank(IPE)) == refusal
    assert hub.directory.ListKeys(directory.ListKeysRequest(), metadata=as_bank(IPE)).entries
    assert not hub.participants.JoinNetwork(announcement(), metadata=as_bank(IPE)).participant.active
    hub.participants.KeepInTouch(participants.KeepInTouchRequest(instance="a"), metadata=as_bank(IPE))
    request = participants.FindTransfersRequest(end_to_end_ids=[done])
    assert hub.participants.FindTransfers(request, metadata=as_bank(IPE)).transfers


def test_a_bank_says_that_it_is_there_how_far_behind_and_that_it_goes(hub: Hub, world: World) -> None:
    def liveness() -> Liveness:
        return world.application.read_bank_states()[1].liveness

    said = participants.KeepInTouchRequest(instance="one", version="3.1", lag=0)
    hub.participants.KeepInTouch(said, metadata=as_bank(IPE))
    assert liveness() == Liveness(NOW_MS, None, 0, ("3.1",), 1)
    hub.participants.KeepInTouch(participants.KeepInTouchRequest(instance="two"), metadata=as_bank(IPE))
    assert (liveness().instances, liveness().lag) == (2, 0), "the second reads no records"
    for instance in ("one", "two"):
        hub.participants.LeaveNetwork(participants.LeaveNetworkRequest(instance=instance), metadata=as_bank(IPE))
    assert (liveness().instances, liveness().left_at_ms) == (0, NOW_MS)
    told = refused(hub.participants.KeepInTouch, participants.KeepInTouchRequest(), as_bank(IPE))
    assert told[:2] == ("INVALID_ARGUMENT", "instance")


def test_two_secrets_are_valid_while_a_bank_changes_its_own(hub: Hub, world: World) -> None:
    for number, secret in enumerate(("the second secret", "the third secret!")):
        world.clock.at_ms += number
        world.application.add_bank(code="002", name="Banco Ipê", color="#c98a00", secret=secret)
    request = directory.ListKeysRequest()
    for secret in ("the second secret", "the third secret!"):
        assert hub.directory.ListKeys(request, metadata=as_bank(IPE, secret)).entries
    assert refused(hub.directory.ListKeys, request, as_bank(IPE))[0] == "UNAUTHENTICATED"


# The server.


def test_a_database_that_is_away_is_told_as_such(serve: Callable[[Any], Hub]) -> None:
    nowhere = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1})
    hub = serve(compose_hub(PostgresUnitsOfWork(nowhere), SystemClock(), Health(), POLICY, None))
    assert refused(hub.directory.ListKeys, directory.ListKeysRequest(), as_bank(IPE))[0] == "UNAVAILABLE"


def test_health_is_on(hub: Hub) -> None:
    stub = health_pb2_grpc.HealthStub(hub.channel)
    for service in ("", "codepix.v1.DirectoryService", "codepix.v1.ParticipantService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE_SECONDS)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_is_on(hub: Hub) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(hub.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=DEADLINE_SECONDS)
    names = {service.name for service in answer.list_services_response.service}
    assert names >= {"codepix.v1.DirectoryService", "codepix.v1.ParticipantService", "grpc.health.v1.Health"}


def test_a_port_in_use_is_a_sentence(hub: Hub, world: World) -> None:
    port = int(hub.address.rsplit(":", 1)[1])
    with pytest.raises(RuntimeError, match=f"GRPC_PORT: cannot listen on 127.0.0.1:{port}: Address already in use"):
        serve_grpc(lambda server: add_services(server, world.application), "127.0.0.1", port, threading.Event())
