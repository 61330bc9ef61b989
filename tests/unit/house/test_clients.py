"""Clients are made, and addresses are joined, in one place each: what stands there cannot be forgotten elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.unit.house.repository import texts

BARE_CLIENT: Final = re.compile(
    r"\bhttpx2?\.(Client|AsyncClient|get|post|put|patch|delete|head|options|request|stream)\(|"
    r"\b(from|import) (urllib\.request|urllib3|requests|aiohttp|geventhttpclient)\b|"
    r"\bfrom httpx2? import .*\b(Client|AsyncClient|get|post|stream|request)\b|\burlopen\(|"
    r"\bhttpcore\.(ConnectionPool|HTTPConnection|request|stream)\(|"
    r"\bgrpc\.(aio\.)?(insecure|secure)_channel\("
)
MAY_MAKE_CLIENTS: Final = {
    Path("pix/web/client.py"),
    Path("bank_sim/adapters/outbound.py"),
    Path("pix/rpc/client.py"),
    # A bank that a stranger wrote, with nothing of ours.
    Path("examples/bank-python/bank.py"),
}

BARE_DATABASE: Final = re.compile(r"\bpsycopg2\.connect\(|\bmake_url\(|\bcreate_engine\(")
"""A connection without time limits, or a URL that is read by other rules than DATABASE_URL."""
MAY_OPEN_DATABASES: Final = {
    Path("pix/postgres/engine.py"),
    Path("pix/postgres/url.py"),
    Path("pix/postgres/plain_connection.py"),
    Path("pix/postgres/statement.py"),
}

JOINED_BY_HAND: Final = re.compile(r"\{[\w.]*(host|HOST|LOOPBACK)[\w.]*\}:\{")
MAY_JOIN: Final = {
    Path("pix/runtime/addresses.py"),
    # Runs as a file, without any package of ours; librdkafka's broker listens on 127.0.0.1 alone.
    Path("lab/network/parts/embedded_broker.py"),
}


def found(pattern: re.Pattern[str], allowed: set[Path]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()}"
        for path, text in texts().items()
        if path.suffix == ".py"
        and path not in allowed
        and path != Path(__file__).relative_to(Path(__file__).parents[3])
        and pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_client_is_made_that_could_use_a_proxy() -> None:
    assert found(BARE_CLIENT, MAY_MAKE_CLIENTS) == []


def test_no_database_is_opened_without_time_limits() -> None:
    lines = found(BARE_DATABASE, MAY_OPEN_DATABASES)
    assert [line for line in lines if not line.startswith("tests/")] == []


def test_no_address_is_joined_by_hand() -> None:
    assert found(JOINED_BY_HAND, MAY_JOIN) == []


@pytest.mark.parametrize(
    "line",
    [
        "client = httpx.Client(timeout=1)",
        "httpx.get(url)",
        "from urllib.request import urlopen",
        "import requests",
        "channel = grpc.insecure_channel(address)",
        "pool = httpcore.ConnectionPool()",
        "grpc.aio.secure_channel(address, credentials)",
    ],
)
def test_the_rule_on_clients_sees_every_way_to_make_one(line: str) -> None:
    assert BARE_CLIENT.search(line)


@pytest.mark.parametrize(
    "line", ['f"{host}:{port}"', 'f"{LOOPBACK}:{free_port()}"', 'f"http://{settings.http_host}:{settings.http_port}/"']
)
def test_the_rule_on_addresses_sees_one_joined_by_hand(line: str) -> None:
    assert JOINED_BY_HAND.search(line)
