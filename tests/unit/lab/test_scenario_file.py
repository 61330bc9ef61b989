"""Scenario files: what they may say, how a mistake is named, and that a plan survives being written."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.prove.scenarios.file import (
    PER_SECOND_DEFAULT,
    Do,
    PlannedStep,
    PlannedTraffic,
    ScenarioPlan,
    is_scenario_file,
    parse_scenario,
    read_scenario_file,
)
from lab.read.yaml_file import YamlRefused

EXAMPLE = Path(__file__).parents[3] / "examples" / "scenarios" / "late-lunch.yml"
FILE = Path("lunch.yml")


def test_the_example_is_read() -> None:
    plan = read_scenario_file(EXAMPLE)
    assert plan.name == "late-lunch" and plan.title == "The late lunch"
    assert plan.traffic == PlannedTraffic(40, 10.0, (), ("002",))
    assert [(step.at_seconds, step.part, step.do) for step in plan.steps] == [
        (1.0, "bank-002", Do.KILL),
        (2.0, "hub", Do.FREEZE),
        (3.5, "hub", Do.THAW),
        (5.0, "bank-002", Do.START),
    ]


def test_what_is_written_is_read_again() -> None:
    plan = ScenarioPlan(
        name="two-banks",
        title="Dois bancos: às 12 h",
        watch="A: b # c",
        traffic=PlannedTraffic(7, 0.5, ("001", "003"), ()),
        steps=[PlannedStep(0.0, "database", Do.STOP), PlannedStep(2.5, "bank-001", Do.FREEZE)],
    )
    assert parse_scenario(plan.as_yaml(), FILE) == plan


def test_steps_are_in_the_order_of_time_and_the_rest_has_defaults() -> None:
    plan = parse_scenario(
        '{"name": "x", "steps": [{"at": 3, "part": "hub", "do": "start"}, {"at": 1, "part": "hub", "do": "kill"}]}',
        FILE,
    )
    assert [step.do for step in plan.steps] == [Do.KILL, Do.START]
    assert plan.title == "X" and plan.watch
    assert plan.traffic.per_second == PER_SECOND_DEFAULT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: name: is missing"),
        ("name: x\n", "line 1: steps: is missing"),
        ("name: x\nsteps: []\n", "line 2: steps: must be a list of 1 to 100 steps"),
        ("name: Big Name\nsteps: [{at: 1, part: hub, do: kill}]", "line 1: name: must be small letters"),
        ("name: x\nsteps:\n  - {at: 1, part: hub}\n", "line 3: steps[1].do: is missing"),
        ("name: x\nsteps:\n  - {at: 1, part: hub, do: explode}\n", "line 3: steps[1].do: must be one of kill, stop"),
        (
            "name: x\nsteps:\n  - {at: 1, part: moon, do: kill}\n",
            "line 3: steps[1].part: must be hub, database, or a bank",
        ),
        ("name: x\nsteps:\n  - {at: -1, part: hub, do: kill}\n", "line 3: steps[1].at: must be a number from 0 to 600"),
        ("name: x\nsteps:\n  - {at: .nan, part: hub, do: kill}\n", "steps[1].at: must be a number"),
        ("name: x\nwhen: now\nsteps: [{at: 1, part: hub, do: kill}]\n", "line 2: when: is unknown; choose from name"),
        (
            "name: x\npayments: {count: 1.5}\nsteps: [{at: 1, part: hub, do: kill}]\n",
            "line 2: payments.count: must be a whole number",
        ),
        (
            "name: x\npayments: {count: 9999}\nsteps: [{at: 1, part: hub, do: kill}]\n",
            "payments.count: must be a whole number from 1 to 5000",
        ),
        (
            "name: x\npayments: {to: [2]}\nsteps: [{at: 1, part: hub, do: kill}]\n",
            "payments.to: '2' is not the three digits",
        ),
        ("name: [", "is no YAML"),
    ],
)
def test_a_mistake_is_named_with_line_field_and_rule(text: str, said: str) -> None:
    with pytest.raises(YamlRefused) as caught:
        parse_scenario(text, FILE)
    assert said in str(caught.value)
    assert str(caught.value).startswith("lunch.yml")


def test_files_are_told_from_names() -> None:
    assert is_scenario_file("a/b.yml") and is_scenario_file("b.json")
    assert not is_scenario_file("hub-dies")
