"""The conversations of the original hub, replayed against the adapter and a hub in memory.

`transcript.jsonl` was captured between the unmodified hub and banks of the course. The cases of `FOLLOWED` must come
out byte for byte; the others go another way on purpose, each with an expectation below.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from hub.domain.course.model import Edition, LegKind, LegState
from tests.support.course import CourseWorld, make_course_world

LINES: Final[list[dict[str, Any]]] = [
    json.loads(line) for line in (Path(__file__).parent / "transcript.jsonl").read_text(encoding="utf-8").splitlines()
]
KAFKA_CASES: Final = tuple(
    dict.fromkeys(line["case"] for line in LINES if line.get("transport") == "kafka" and line["case"][:4] != "nest")
)
FOLLOWED: Final = tuple(
    case
    for case in KAFKA_CASES
    if case.startswith(("happy", "description_", "amount_", "id_", "unknown_status"))
    or case in ("field_names_any_case", "not_json", "unknown_payer_account")
)


def _lines_of(case: str) -> list[dict[str, Any]]:
    return [line for line in LINES if line["case"] == case]


def _replay(world: CourseWorld, lines: Sequence[dict[str, Any]]) -> list[tuple[int, dict[str, Any] | None]]:
    """Says what the banks said, and compares what they get; how many records came and what they were told after it."""
    after = []
    got: list[tuple[str, str]] = []
    for line in lines:
        if line.get("direction") == "in":
            got = world.say(line["topic"], line["value"])
        elif line.get("direction") == "after":
            after.append((len(got), line["hub_row"]))
    return after


@pytest.mark.parametrize("case", FOLLOWED)
def test_course_banks_get_what_the_original_hub_sent(case: str) -> None:
    # The banks of 2021, which take centavos, as the script that was recorded did.
    world = make_course_world(Edition.Y2021)
    if case == "happy_same_bank":
        world = make_course_world(Edition.Y2023)
    got: list[tuple[str, str]] = []
    for line in _lines_of(case):
        match line["direction"]:
            case "in":
                got = world.say(line["topic"], line["value"])
            case "out":
                assert (line["topic"], line["value"]) in got
            case _:
                assert len(got) == line["published"]


def test_the_happy_conversation_moves_the_settlement_money() -> None:
    world = make_course_world()

    _replay(world, _lines_of("happy"))

    transfer = world.transfer("00000000-0000-4000-8000-000000000001")
    assert transfer is not None
    assert (transfer.status, transfer.amount_centavos, transfer.description) == ("completed", 2_500, "coffee")
    assert world.settlement() == {"00000001": 9_997_500, "00000002": 10_002_500, "00000003": 10_000_000}
    assert [leg.state for leg in world.legs(LegKind.OUTGOING)] == [LegState.COMPLETED]
    assert [leg.state for leg in world.legs(LegKind.INCOMING)] == [LegState.SETTLED]
    assert not world.dead_letters()


def test_a_status_and_an_error_in_a_request_are_dropped() -> None:
    """The original passes the error on to the payee's bank; the adapter leaves it empty."""
    request = _lines_of("extra_fields_and_status_ignored")[0]

    [(topic, value)] = make_course_world().say(request["topic"], request["value"])

    assert topic == "bank002"
    assert (json.loads(value)["status"], json.loads(value)["error"]) == ("pending", "")


@pytest.mark.parametrize("case", ["redelivered_request", "redelivered_request_after_completion"])
def test_a_request_that_comes_again_sends_no_second_pending(case: str) -> None:
    """The original sends it again, and the payee's bank credits twice."""
    world = make_course_world()
    if case == "redelivered_request_after_completion":
        _, pending = world.say("transactions", _lines_of("redelivered_request")[0]["value"])[0]
        _, confirmed = world.confirm(pending)[0]
        world.complete(confirmed)
    got = [world.say(line["topic"], line["value"]) for line in _lines_of(case) if line.get("direction") == "in"]

    assert [len(each) for each in got] == ([1, 0] if case == "redelivered_request" else [0, 0])
    assert len(world.legs(LegKind.INCOMING)) == 1


@pytest.mark.parametrize("case", ["completed_of_unknown_id", "completed_without_confirmed"])
def test_completed_without_a_confirmed_payment_changes_nothing(case: str) -> None:
    """The original takes a completed for a confirmation that it never got."""
    world = make_course_world()

    _replay(world, _lines_of(case))

    transfer = world.transfer("00000000-0000-4000-8000-000000000018")
    assert transfer is None or transfer.status == "pending"
    assert "completed" in world.dead_letters()[0] or "no payment" in world.dead_letters()[0]


@pytest.mark.parametrize(
    "case", ["confirmation_of_unknown_id", "confirmation_content_not_compared", "confirmation_lacking_key_dropped"]
)
def test_a_confirmation_counts_only_with_the_content_that_was_sent(case: str) -> None:
    """The original passes a forged content on to the payer's bank."""
    world = make_course_world()
    if case == "confirmation_lacking_key_dropped":
        world.say("transactions", _lines_of("confirmation_content_not_compared")[0]["value"])

    after = _replay(world, _lines_of(case))

    assert after[-1][0] == 0
    transfer = world.transfer("00000000-0000-4000-8000-000000000020")
    assert transfer is None or transfer.status == "pending"
    assert len(world.dead_letters()) == 1


@pytest.mark.parametrize("case", ["status_error"])
def test_a_status_that_no_step_has_becomes_a_dead_letter(case: str) -> None:
    world = make_course_world()

    assert _replay(world, _lines_of(case))[0][0] == 0

    assert world.dead_letters() == ["status: must be confirmed or completed"]


@pytest.mark.parametrize(("case", "reason"), [("same_account", "AG12"), ("unknown_key", "AC03")])
def test_the_money_of_a_payment_that_fails_goes_back_to_a_key_of_the_payer(case: str, reason: str) -> None:
    """The original sends nothing, and the payer's money is gone."""
    world = make_course_world()
    request = _lines_of(case)[0]

    [(topic, value)] = world.say(request["topic"], request["value"])

    refund = json.loads(value)
    assert topic == "bank001"
    assert (refund["pixKeyTo"], refund["amount"], refund["status"]) == ("paulo@example.com", 25, "pending")
    assert refund["id"] != json.loads(request["value"])["id"]
    assert world.course.queries.overview().owed[0].reason == reason
    # Its confirmation ends here.
    assert world.confirm(value) == []
    assert not world.course.queries.overview().owed


def test_every_case_of_the_transcript_is_replayed() -> None:
    different = {
        "extra_fields_and_status_ignored", "redelivered_request", "redelivered_request_after_completion",
        "completed_of_unknown_id", "completed_without_confirmed", "confirmation_of_unknown_id",
        "confirmation_content_not_compared", "confirmation_lacking_key_dropped", "status_error", "same_account",
        "unknown_key",
    }  # fmt: skip
    assert set(KAFKA_CASES) == {*FOLLOWED, *different}
