"""The registry of scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lab.prove.scenarios import (
    duplicate_storm,
    everything_dies,
    gridlock,
    hub_dies,
    late_answer,
    payee_bank_dies,
    returns_storm,
    silent_bank,
)
from lab.prove.scenarios.scenario import Scenario

SCENARIOS: Final[Mapping[str, Scenario]] = {
    each.SCENARIO.name: each.SCENARIO
    for each in (
        payee_bank_dies,
        hub_dies,
        everything_dies,
        silent_bank,
        late_answer,
        duplicate_storm,
        returns_storm,
        gridlock,
    )
}
"""By name, in the order in which one would show them."""
