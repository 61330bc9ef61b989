"""A puzzle played on its network: the audit points at the broken bank, and is green with the right one."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lab.broken_banks.defects import Defect
from lab.classroom.puzzle_room import PuzzleRoom, PuzzleStage, PuzzleState
from lab.classroom.puzzles import PUZZLES
from lab.network.parts.process import wait_until

PLAYED_SECONDS_MAX = 120.0


@pytest.fixture
def room() -> Iterator[PuzzleRoom]:
    """A room that works, and has stopped its network at the end."""
    stop = threading.Event()
    made = PuzzleRoom()
    thread = threading.Thread(target=made.work, args=(stop,), daemon=True)
    thread.start()
    yield made
    stop.set()
    thread.join(PLAYED_SECONDS_MAX)


def played(room: PuzzleRoom) -> PuzzleState:
    wait_until(lambda: room.state.stage is not PuzzleStage.PLAYING, PLAYED_SECONDS_MAX, "the puzzle to be played")
    state = room.state
    assert state.stage is PuzzleStage.READY, state.failure
    return state


def suspects(state: PuzzleState) -> set[str]:
    """The codes of the banks at which the evidence points: what the audit names, and who owes a message."""
    assert state.report is not None
    named = {
        offender.partition(":")[0]
        for finding in state.report.findings
        if not finding.is_ok
        for offender in finding.offenders
    }
    banks_of_open = [
        {transfer.payer_code, transfer.payee_code}
        for transfer in state.transfers
        if transfer.end_to_end_id in state.report.in_flight
    ]
    return named | (set.intersection(*banks_of_open) if banks_of_open else set())


def check_puzzle(room: PuzzleRoom, number: int) -> None:
    puzzle = PUZZLES[number - 1]
    room.play(number)
    state = played(room)
    assert state.report is not None
    assert not state.report.is_final
    assert puzzle.code in suspects(state)
    if puzzle.defect is not Defect.BELIEVES_STRANGERS:
        # The forged transfer is named by its id, which no bank's code begins.
        assert {code for code in suspects(state) if len(code) == 3} == {puzzle.code}
    assert room.answer(puzzle.code, puzzle.defect).is_right


@pytest.mark.prove
def test_a_puzzle_is_solved_and_the_right_bank_makes_the_audit_green(room: PuzzleRoom) -> None:
    check_puzzle(room, 1)
    puzzle = PUZZLES[0]
    other = next(answer for answer in puzzle.answers if answer is not puzzle.defect)
    verdict = room.answer(puzzle.code, other)
    assert verdict.is_right_bank
    assert not verdict.is_right
    assert not room.answer("001", puzzle.defect).is_right_bank
    room.play_right()
    state = played(room)
    assert state.report is not None
    assert state.report.is_final


@pytest.mark.prove
@pytest.mark.parametrize("number", range(2, len(PUZZLES) + 1))
def test_the_evidence_of_each_puzzle_points_at_its_bank(room: PuzzleRoom, number: int) -> None:
    check_puzzle(room, number)
