"""Fetching payloads from servers that are honest, broken, slow, or attackers."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any

import pytest

from bank_sim.adapters.payloads.jose import KEY_SET_BYTES_MAX, SEALED_BYTES_MAX, JosePayloadSeal
from bank_sim.adapters.payloads.reader import HttpPayloadReader
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.domain.charges.payload import KEY_SET_PATH, ChargePayload
from bank_sim.domain.payable_codes.errors import (
    DayNotPayable,
    PayloadGone,
    PayloadNotFound,
    PayloadNotTrusted,
    PayloadUnavailable,
)
from bank_sim.domain.payable_codes.model import PayloadPlace
from tests.support.payload_builders import immediate, signing_key, with_due_date
from tests.support.payload_server import PayloadServer, Served, payload_server

SECONDS_MAX = 1.0
PATH = "/qr/v2/0123456789abcdefghijkl"
SEAL = JosePayloadSeal()


@pytest.fixture
def server() -> Iterator[PayloadServer]:
    with payload_server() as server:
        serve(server)
        yield server


def serve(
    server: PayloadServer, payload: ChargePayload | None = None, *, jku: str = "", key: int = 1, path: str = PATH
) -> None:
    url = jku or f"http://{server.host}{KEY_SET_PATH}"
    server.answers[path] = Served(SEAL.seal(payload or immediate(), signing_key(key), url).encode())
    server.answers[KEY_SET_PATH] = Served(json.dumps(SEAL.key_set([signing_key(key)])).encode(), "application/json")


def place(server: PayloadServer, **changes: Any) -> PayloadPlace:
    return PayloadPlace(**{
        "kind": ChargeKind.IMMEDIATE, "host": server.host, "path": PATH, "is_encrypted": False, **changes
    })  # fmt: skip


def read(server: PayloadServer, **changes: Any) -> ChargePayload:
    return reader().read(place(server, **changes), None)


@cache
def authorities() -> ssl.SSLContext:
    """Reading them takes long, so the tests of a process share them."""
    return ssl.create_default_context()


def reader() -> HttpPayloadReader:
    return HttpPayloadReader(SECONDS_MAX, authorities())


def test_a_payload_is_fetched_and_verified(server: PayloadServer) -> None:
    assert read(server) == immediate()
    assert server.asked == [PATH, KEY_SET_PATH]


def test_a_charge_with_a_due_date_is_asked_for_a_day(server: PayloadServer) -> None:
    path = "/qr/v2/cobv/0123456789abcdefghijkl"
    payload = with_due_date()
    serve(server, payload, path=path)
    assert reader().read(place(server, kind=ChargeKind.DUE_DATE, path=path), payload.due_day) == payload
    assert server.asked[0] == f"{path}?DPP=2026-12-31"


def test_a_day_on_which_a_charge_cannot_be_paid_has_its_own_error(server: PayloadServer) -> None:
    server.answers[PATH] = Served(b"{}", "application/problem+json", 400)
    with pytest.raises(DayNotPayable):
        reader().read(place(server, kind=ChargeKind.DUE_DATE), date(2020, 1, 1))
    with pytest.raises(PayloadUnavailable):
        read(server)


def test_a_key_set_is_kept_until_a_payload_names_a_new_key(server: PayloadServer) -> None:
    of_one_process = reader()
    for _ in range(2):
        of_one_process.read(place(server), None)
    assert server.asked == [PATH, KEY_SET_PATH, PATH]
    serve(server, key=2)
    assert of_one_process.read(place(server), None) == immediate()
    assert server.asked[3:] == [PATH, KEY_SET_PATH]


@pytest.mark.parametrize(
    ("served", "error"),
    [
        (Served(status=404), PayloadNotFound),
        (Served(status=410), PayloadGone),
        (Served(status=500), PayloadUnavailable),
        (Served(status=302, headers={"Location": PATH + "x"}), PayloadUnavailable),
        (Served(status=307, headers={"Location": "http://169.254.169.254/"}), PayloadUnavailable),
        (Served(b"a.b.c", "text/html"), PayloadNotTrusted),
        (Served(b"a.b.c"), PayloadNotTrusted),
        (Served(b"x" * (SEALED_BYTES_MAX + 1)), PayloadNotTrusted),
    ],
)
def test_an_answer_that_is_no_payload_has_its_own_error(
    server: PayloadServer, served: Served, error: type[Exception]
) -> None:
    server.answers[PATH] = served
    with pytest.raises(error):
        read(server)
    assert server.asked == [PATH]


@pytest.mark.parametrize(
    "served",
    [
        Served(b"{}", "application/json"),
        Served(b"x" * (KEY_SET_BYTES_MAX + 1), "application/json"),
        Served(json.dumps(SEAL.key_set([signing_key(2)])).encode(), "application/json"),
    ],
)
def test_a_key_set_without_the_key_is_not_trusted(server: PayloadServer, served: Served) -> None:
    server.answers[KEY_SET_PATH] = served
    with pytest.raises(PayloadNotTrusted):
        read(server)


@pytest.mark.parametrize(
    "jku",
    [
        "http://127.0.0.1:1/qr/jwks.json",
        "http://169.254.169.254/latest/meta-data",
        "http://user@{host}/qr/jwks.json",
        "http://{host}.example.com/qr/jwks.json",
        "http://{host}@example.com/qr/jwks.json",
        "http://example.com/?{host}/qr/jwks.json",
        "http://{host}",
        "http://{host}/qr/jwks.json HTTP/1.1",
        "http://[{host}/",
    ],
)
def test_a_key_set_elsewhere_is_not_even_asked(server: PayloadServer, jku: str) -> None:
    serve(server, jku=jku.replace("{host}", server.host))
    with pytest.raises(PayloadNotTrusted):
        read(server)
    assert server.asked == [PATH]


def test_a_server_that_drips_its_answer_is_given_up_in_time(server: PayloadServer) -> None:
    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/jose\r\n")
        for number in range(200):
            try:
                handler.wfile.write(f"X-{number}: drip\r\n".encode())
            except OSError:
                return
            if is_given_up.wait(0.05):
                return

    is_given_up = threading.Event()
    server.answers[PATH] = drip
    started = time.monotonic()
    with pytest.raises(PayloadUnavailable):
        read(server)
    assert time.monotonic() - started < 3 * SECONDS_MAX
    is_given_up.set()


def test_an_answer_without_end_is_cut_off(server: PayloadServer) -> None:
    def flood(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/jose\r\n\r\n")
        try:
            while True:
                handler.wfile.write(b"x" * 65_536)
        except OSError:
            return

    server.answers[PATH] = flood
    with pytest.raises(PayloadNotTrusted):
        read(server)


def test_a_bank_that_is_away_is_unavailable(server: PayloadServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(PayloadUnavailable):
        read(server, host=f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]:80", "0.0.0.0", "[::]", "224.0.0.1", "[::ffff:a9fe:a9fe]"]
)
def test_link_local_and_unset_addresses_are_never_asked(server: PayloadServer, host: str) -> None:
    with pytest.raises(PayloadUnavailable):
        read(server, host=host)


def test_a_host_with_encrypted_pages_is_asked_by_https_alone(server: PayloadServer) -> None:
    with pytest.raises(PayloadUnavailable):
        read(server, is_encrypted=True)
    assert server.asked == []
