"""The gRPC service of course banks on a real server: the calls of the transcript, and where it differs on purpose."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any, Final

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from codepix.course import pix_service_pb2 as wire
from hub.entrypoints.course.grpc import SERVICE, add_pix_service, go_time
from lab.network.parts.ports import free_port
from pix.rpc.client import open_channel
from pix.rpc.kinds import GrpcServerKind
from pix.rpc.server import serve_grpc
from tests.support.channels import TRIES_AT_ONCE
from tests.support.course import ANA, BIA, PAULO, CourseWorld, make_course_world
from tests.unit.course.test_transcript import LINES

CALLS: Final = [line for line in LINES if line.get("transport") == "grpc"]
DEADLINE_SECONDS: Final = 30.0
DIFFERENT: Final = {
    "register_duplicate_same_account", "register_duplicate_other_account", "register_cpf_unchecked", "unknown_method",
}  # fmt: skip
UUID_V4: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def world() -> CourseWorld:
    """A hub in memory whose keys are those of the transcript, in its order."""
    return make_course_world(with_keys=False)


@pytest.fixture(scope="module")
def channel(world: CourseWorld) -> Iterator[grpc.Channel]:
    port, stop = free_port(), threading.Event()
    server = threading.Thread(
        target=serve_grpc,
        args=(
            lambda server: add_pix_service(server, world.course.find_key, world.course.register_key),
            "127.0.0.1",
            port,
            stop,
        ),
        kwargs={"kind": GrpcServerKind.PLAIN},
    )
    server.start()
    with open_channel(f"127.0.0.1:{port}", TRIES_AT_ONCE) as opened:
        grpc.channel_ready_future(opened).result(DEADLINE_SECONDS)
        yield opened
    stop.set()
    server.join()


def _call(channel: grpc.Channel, path: str, request: bytes, reply: Any = None) -> tuple[str, str, Any]:
    """Code, details and the reply's message of a call with these bytes."""
    method = channel.unary_unary(path, lambda value: value, reply.FromString if reply else None)
    try:
        return "OK", "", method(request, timeout=DEADLINE_SECONDS)
    except grpc.RpcError as error:
        return error.code().name, error.details() or "", None


def test_the_calls_of_the_transcript_get_its_answers(channel: grpc.Channel) -> None:
    for line in CALLS:
        if line["case"] in DIFFERENT:
            continue
        reply = wire.PixKeyInfo if line["path"].endswith("Find") else wire.PixKeyCreatedResult
        code, details, answer = _call(channel, line["path"], bytes.fromhex(line["request_hex"]), reply)
        assert (line["case"], code, details) == (line["case"], line["code"], line["details"])
        if answer is not None:
            _compare(answer, line)


def _compare(answer: Any, line: dict[str, Any]) -> None:
    expected = type(answer).FromString(bytes.fromhex(line["reply_hex"]))
    for name in line["varies"]:
        *outer, last = name.split(".")
        ours, theirs = answer, expected
        for part in outer:
            ours, theirs = getattr(ours, part), getattr(theirs, part)
        value = getattr(ours, last)
        assert UUID_V4.fullmatch(value) or re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC", value)
        setattr(theirs, last, value)
    assert answer == expected


def test_the_same_key_again_is_created_with_the_same_id(channel: grpc.Channel) -> None:
    """The original makes another key of the same text each time."""
    request = wire.PixKeyRegistration(kind="email", key="dora@example.com", accountId=BIA)
    answers = [_call(channel, f"/{SERVICE}/RegisterPixKey", request.SerializeToString(), wire.PixKeyCreatedResult)]
    answers += [_call(channel, f"/{SERVICE}/RegisterPixKey", request.SerializeToString(), wire.PixKeyCreatedResult)]

    assert [answer[0] for answer in answers] == ["OK", "OK"]
    assert answers[0][2] == answers[1][2]


@pytest.mark.parametrize(
    ("kind", "key", "account_id", "details"),
    [
        ("email", "ana@example.com", PAULO, "key: is registered for an account at CTER"),
        ("cpf", "not a cpf", ANA, "key: A CPF key in stored form matches [0-9]{11}"),
        ("cpf", "1", ANA, "key: A CPF key in stored form matches [0-9]{11}"),
        ("cpf", "11111111111", ANA, "key: That isn't a valid CPF."),
    ],
)
def test_what_the_scheme_refuses_never_reads_as_a_miss(
    channel: grpc.Channel, kind: str, key: str, account_id: str, details: str
) -> None:
    """A bank that reads `no key was found` registers the key; at any other text it shows an error."""
    request = wire.PixKeyRegistration(kind=kind, key=key, accountId=account_id).SerializeToString()

    assert _call(channel, f"/{SERVICE}/RegisterPixKey", request)[:2] == ("UNKNOWN", details)


def test_a_suspended_bank_registers_no_key(channel: grpc.Channel, world: CourseWorld) -> None:
    world.hub.suspend_bank("001")
    request = wire.PixKeyRegistration(kind="email", key="new@example.com", accountId=PAULO).SerializeToString()
    try:
        code, details, _ = _call(channel, f"/{SERVICE}/RegisterPixKey", request)
    finally:
        world.hub.resume_bank("001")
    assert (code, details) == ("UNKNOWN", "accountId: the bank is suspended (DS27)")


def test_a_key_of_a_bank_of_ours_is_found(channel: grpc.Channel) -> None:
    request = wire.PixKey(kind="email", key="caio@example.com").SerializeToString()

    code, _, found = _call(channel, f"/{SERVICE}/Find", request, wire.PixKeyInfo)

    assert code == "OK"
    assert (found.account.OwnerName, found.account.bankName) == ("Caio Dias", "Banco Maré")
    assert UUID_V4.fullmatch(found.account.accountId)


def test_an_unknown_method_gets_the_original_s_sentence(channel: grpc.Channel) -> None:
    [line] = [line for line in CALLS if line["case"] == "unknown_method"]

    assert _call(channel, line["path"], b"")[:2] == (line["code"], line["details"])


def test_the_service_can_be_looked_at_by_reflection(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = iter([reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE)])

    [answer] = stub.ServerReflectionInfo(asked, timeout=DEADLINE_SECONDS)

    assert b"RegisterPixKey" in answer.file_descriptor_response.file_descriptor_proto[0]


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (1_790_000_000_858, "2026-09-21 14:13:20.858 +0000 UTC"),
        (1_790_000_000_850, "2026-09-21 14:13:20.85 +0000 UTC"),
        (1_790_000_000_000, "2026-09-21 14:13:20 +0000 UTC"),
    ],
)
def test_a_time_is_printed_as_go_prints_it(at_ms: int, text: str) -> None:
    assert go_time(at_ms) == text
