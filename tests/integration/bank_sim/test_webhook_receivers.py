"""Deliveries over HTTP: to where a webhook may go and nowhere else, bounded in time and size, with certificates."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trustme

from bank_sim.adapters.outbound import why_refused
from bank_sim.adapters.receivers import HttpReceivers
from bank_sim.domain.webhooks.faults import WebhookFault
from bank_sim.domain.webhooks.model import BODY_LENGTH_MAX, DeliveryFailure
from pix.runtime.allowed_hosts import AllowedHosts, parse_allowed_hosts
from tests.support.webhooks import ReceiverServer

SECONDS_MAX = 2.0


@pytest.fixture
def receiver() -> Iterator[ReceiverServer]:
    with ReceiverServer() as server:
        yield server


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure_receiver(authority: trustme.CA) -> Iterator[ReceiverServer]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    with ReceiverServer(tls) as server:
        yield server


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@cache
def receivers(hosts: str = "", ca_file: str = "", seconds_max: float = SECONDS_MAX) -> HttpReceivers:
    return HttpReceivers(parse_allowed_hosts(hosts), seconds_max, ca_file)


@contextmanager
def talking_to(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address of a peer that takes one connection and does this with it."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            speak(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/pix"
        thread.join()


def resolving_to(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Has names resolve to these addresses, to the first at the first time and so on; the names that were asked for."""
    asked: list[str] = []
    really = socket.getaddrinfo

    def look_up(host: str, *given: Any, **named: Any) -> list[Any]:
        if not host.endswith(".example"):
            return really(host, *given, **named)
        asked.append(host)
        address = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_json_is_posted_and_the_answer_is_kept(receiver: ReceiverServer) -> None:
    receiver.content = "ótimo\0".encode() + b"\xff"
    answer = receivers().post(f"{receiver.url('localhost')}?a=1/pix", '{"pix":[]}')
    assert (answer.status, answer.failure) == (200, None)
    # PostgreSQL's texts hold no zero byte.
    assert answer.body == "ótimo\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    ((path, headers, body),) = receiver.requests
    assert (path, body) == ("/avisos?a=1/pix", b'{"pix":[]}')
    assert (headers["Host"], headers["Content-Type"]) == (f"localhost:{receiver.port}", "application/json")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_another_status_than_2xx_is_a_failure_and_no_redirect_is_followed(
    receiver: ReceiverServer, status: int
) -> None:
    receiver.status, receiver.headers = status, {"Location": receiver.url()}
    answer = receivers().post(receiver.url(), "{}")
    assert (answer.status, answer.failure, len(receiver.requests)) == (status, DeliveryFailure.STATUS, 1)


def test_a_long_answer_is_cut_off(receiver: ReceiverServer) -> None:
    receiver.content = b"a" * 5_000_000
    answer = receivers().post(receiver.url(), "{}")
    assert (answer.failure, len(answer.body)) == (None, BODY_LENGTH_MAX)


def test_a_receiver_that_drips_its_headers_is_cut_off() -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not stop.wait(0.02):
            connection.sendall(b"H")

    with talking_to(drip) as url:
        before = time.monotonic()
        answer = receivers(seconds_max=0.3).post(url, "{}")
        took = time.monotonic() - before
        stop.set()
    assert answer.failure is DeliveryFailure.TIMEOUT and took < 5


def test_a_status_counts_although_the_rest_comes_too_slowly(receiver: ReceiverServer) -> None:
    receiver.content, receiver.seconds = b"abcdefghij" * 100, 0.1
    answer = receivers(seconds_max=0.5).post(receiver.url(), "{}")
    assert (answer.status, answer.failure) == (200, None)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = receivers().post(f"http://127.0.0.1:{port}/pix", "{}")
    assert (answer.status, answer.failure) == (None, DeliveryFailure.CONNECTION)


def test_what_is_no_http() -> None:
    def babble(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"SSH-2.0-nothing\r\n\r\n")

    with talking_to(babble) as url:
        assert receivers().post(url, "{}").failure is DeliveryFailure.BROKEN


def test_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert receivers().post("http://nada.example/pix", "{}").failure is DeliveryFailure.NAME
    assert not receivers().refuses("http://nada.example/pix")


# Certificates


def test_a_certificate_of_the_settings_authority(secure_receiver: ReceiverServer, ca_file: str) -> None:
    assert receivers(ca_file=ca_file).post(secure_receiver.url("localhost"), "{}").failure is None


def test_a_certificate_of_another_authority_or_name(secure_receiver: ReceiverServer, ca_file: str) -> None:
    unknown = receivers().post(secure_receiver.url("localhost"), "{}")
    other_name = receivers(ca_file=ca_file).post(secure_receiver.url("127.0.0.1"), "{}")
    assert unknown.failure is other_name.failure is DeliveryFailure.CERTIFICATE
    assert secure_receiver.requests == []


def test_faults_of_the_sandbox_fail_without_a_request(
    receiver: ReceiverServer, secure_receiver: ReceiverServer, ca_file: str
) -> None:
    known = receivers(ca_file=ca_file)
    for url in (receiver.url(), secure_receiver.url("localhost")):
        assert known.post(url, "{}", WebhookFault.REFUSED).failure is DeliveryFailure.CONNECTION
        assert known.post(url, "{}", WebhookFault.WRONG_CERTIFICATE).failure is DeliveryFailure.CERTIFICATE
    assert receiver.requests == secure_receiver.requests == []


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:a9fe:a9fe]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::]/",
        "http://0.0.0.0/", "http://[::]/", "http://224.0.0.1/", "http://255.255.255.255/", "http://100.100.100.200/",
        "http://[fd00:ec2::254]/", "https://8.8.8.8/", "https://[2606:4700::1111]/", "ftp://127.0.0.1/",
    ],
)  # fmt: skip
def test_an_address_that_is_not_delivered_to(url: str) -> None:
    known = receivers(seconds_max=0.2)
    assert known.post(url, "{}").failure is DeliveryFailure.ADDRESS
    assert known.refuses(url)


@pytest.mark.parametrize("text", ["127.0.0.1", "10.0.0.7", "172.20.0.3", "192.168.1.9", "::1", "fd12::1"])
def test_loopback_and_private_addresses_need_no_setting(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert why_refused(address, "http", allowed=False) == why_refused(address, "https", allowed=False) == ""


@pytest.mark.parametrize(
    ("setting", "host", "is_allowed"),
    [
        ("", "a.example", False), ("*", "a.example", True), ("a.example", "a.example", True),
        ("a.example", "b.a.example", False), ("*.a.example", "b.a.example", True), ("*.a.example", "a.example", False),
        ("*.a.example", "evila.example", False), ("x.example, *.a.example", "c.b.a.example", True),
    ],
)  # fmt: skip
def test_public_hosts_by_setting(setting: str, host: str, is_allowed: bool) -> None:
    assert (host in parse_allowed_hosts(setting)) is is_allowed


def test_a_public_host_of_the_setting_needs_https() -> None:
    public = ipaddress.ip_address("8.8.8.8")
    assert why_refused(public, "https", allowed=True) == ""
    assert "https" in why_refused(public, "http", allowed=True)
    assert "never" in why_refused(ipaddress.ip_address("169.254.1.1"), "https", allowed=True)


def test_a_name_of_a_refused_address_is_refused_also_for_allowed_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "169.254.169.254")
    known = HttpReceivers(AllowedHosts(frozenset({"*"})), SECONDS_MAX)
    assert known.post("https://hooks.example/pix", "{}").failure is DeliveryFailure.ADDRESS


def test_the_judged_address_is_the_one_that_is_connected_to(
    receiver: ReceiverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name that answers with another address the second time: it is not asked a second time.
    asked = resolving_to(monkeypatch, "127.0.0.1", "169.254.169.254")
    assert receivers().post(receiver.url("rebind.example"), "{}").failure is None
    assert asked == ["rebind.example"]
