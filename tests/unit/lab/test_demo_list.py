"""The list of people and the hints that the demo prints."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

from rich.console import Console

from lab.drive.customers import Customer, Key, Population
from lab.network.demo import people_table, welcome
from lab.network.network import Network
from lab.network.run import Run

KEYS = ("16dada76-be05-46fa-9f0a-6d3c1f1c0001", "ana.beatriz@aurora.example", "+5511987650101")


def test_no_key_is_cut_in_a_terminal_of_80_columns() -> None:
    keys = tuple(Key("EVP", key) for key in KEYS)
    customer = Customer("001", "000101-5", "Maria Antônia de Souza Holanda Monteiro", "blocked", 25_000_000_00, keys)
    network: Any = SimpleNamespace(banks=[SimpleNamespace(code="001")])
    shown = io.StringIO()
    Console(file=shown, width=80).print(people_table(cast(Network, network), Population({"001": [customer]})))
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    for key in KEYS:
        assert sum(key in line for line in lines) == 1, shown.getvalue()


def test_the_classroom_prints_its_hints_and_not_those_of_the_demo() -> None:
    settings = SimpleNamespace(splits_roles=True)
    network = SimpleNamespace(
        hub_url="http://127.0.0.1:8000", grpc_ports=[50051], banks=[], course_banks=[], settings=settings
    )
    run: Any = SimpleNamespace(network=network, rest={})
    shown = io.StringIO()
    Console(file=shown, width=120).print(welcome(cast(Run, run)))
    assert "everything stands still until you press Next" in shown.getvalue()
    assert "Try" not in shown.getvalue()
