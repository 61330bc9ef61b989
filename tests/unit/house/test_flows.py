"""Hub and banks write a flow alike: the same files, the same names, every message in one flow."""

from __future__ import annotations

from dataclasses import fields

import pytest

from bank_sim.adapters.memory.unit_of_work import MemoryUnitsOfWork
from bank_sim.adapters.postgres.flows import TABLES as TABLES_OF_BANK
from bank_sim.domain.flows import FLOWS as FLOWS_OF_BANK
from bank_sim.domain.flows.flow import Flow as FlowOfBank
from hub.adapters.flow_stores import STORES as STORES_OF_HUB
from hub.domain.flows import FLOWS as FLOWS_OF_HUB
from hub.domain.flows.flow import Flow as FlowOfHub
from pix.scheme.messages import MESSAGES_OF_BANKS, MESSAGES_OF_HUB
from tests.unit.house.repository import ROOT

OF_ONE_SIDE = {
    "movements.py": "settlement money moves at the hub alone",
    "postings.py": "only banks have books",
    "requests.py": "only banks have customers who order a transfer",
}
"""Files of a flow that one side has, and why."""


@pytest.mark.parametrize("flow", [flow.name for flow in FLOWS_OF_HUB])
def test_a_flow_has_the_same_files_on_both_sides(flow: str) -> None:
    folders = [ROOT / side / "domain" / "flows" / flow for side in ("hub", "bank_sim")]
    hub, bank = ({path.name for path in folder.glob("*.py")} - OF_ONE_SIDE.keys() for folder in folders)
    assert hub == bank


def test_both_sides_register_the_same_flows_and_lock_them_in_the_same_order() -> None:
    names = [flow.name for flow in FLOWS_OF_HUB]
    assert [flow.name for flow in FLOWS_OF_BANK] == names


def test_a_flow_has_the_same_parts_on_both_sides() -> None:
    hub, bank = ({field.name for field in fields(flow)} for flow in (FlowOfHub, FlowOfBank))
    assert hub - bank == {
        "decide_timeout",
        "offered_to",
        "pix_key",
        "step_name",
        "statuses",
        "transitions",
        "rule_of",
        "rules",
        "request_rules",
        "later_rules",
    }
    assert bank - hub == {"account_needed", "charge_needed", "offers"}


def test_every_message_is_decided_on_by_one_flow() -> None:
    at_hub = [message for flow in FLOWS_OF_HUB for message in flow.messages]
    at_banks = [message for flow in FLOWS_OF_BANK for message in flow.messages]
    assert len(at_hub) == len(MESSAGES_OF_BANKS) and set(at_hub) == MESSAGES_OF_BANKS
    assert len(at_banks) == len(MESSAGES_OF_HUB) and set(at_banks) == MESSAGES_OF_HUB


def test_every_flow_has_a_repository_for_its_rows() -> None:
    names = [flow.name for flow in FLOWS_OF_HUB]
    assert list(STORES_OF_HUB) == names
    assert list(MemoryUnitsOfWork()().rows) == list(TABLES_OF_BANK) == names
