"""A bank of which one part deviates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.broken_banks.bank import Bank
from lab.broken_banks.broker import Publisher
from lab.broken_banks.contract import Contract
from lab.broken_banks.hub import Hub
from lab.broken_banks.web import Json, read_json


@dataclass(frozen=True, slots=True)
class Mutant:
    bank: type[Bank] = Bank
    contract: type[Contract] = Contract
    hub: type[Hub] = Hub
    publisher: type[Publisher] = Publisher
    read_body: Callable[[bytes], Json] = read_json
