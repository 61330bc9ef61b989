"""The puzzles of the classroom: each has one right answer, and the room answers nothing before a puzzle was played."""

from __future__ import annotations

import pytest

from lab.broken_banks.stories import STORIES
from lab.classroom.puzzle_room import NoSuchPuzzle, NothingToAnswer, PuzzleInProgress, PuzzleRoom, PuzzleStage
from lab.classroom.puzzles import BANKS, PUZZLES


def test_each_puzzle_has_four_answers_of_which_one_is_right() -> None:
    for puzzle in PUZZLES:
        assert len(set(puzzle.answers)) == 4
        assert puzzle.defect in puzzle.answers
        titles = {STORIES[answer].title for answer in puzzle.answers}
        assert len(titles) == 4


def test_the_place_of_the_right_answer_tells_nothing() -> None:
    assert {list(puzzle.answers).index(puzzle.defect) for puzzle in PUZZLES} == {0, 1, 2, 3}
    assert {puzzle.code for puzzle in PUZZLES} == {code for code, _, _ in BANKS}


def test_one_bank_of_a_puzzle_is_broken_and_none_of_the_right_day() -> None:
    for puzzle in PUZZLES:
        broken = [spec.code for spec in puzzle.specs(is_right=False) if spec.small]
        assert broken == [puzzle.code]
        assert not [spec for spec in puzzle.specs(is_right=True) if spec.small]


def test_a_room_refuses_what_there_is_no_puzzle_for() -> None:
    room = PuzzleRoom()
    with pytest.raises(NothingToAnswer):
        room.answer("001", "credits-twice")
    with pytest.raises(NothingToAnswer):
        room.play_right()
    for number in (0, -1, len(PUZZLES) + 1):
        with pytest.raises(NoSuchPuzzle):
            room.play(number)
    room.play(1)
    assert room.state.stage is PuzzleStage.PLAYING
    with pytest.raises(PuzzleInProgress):
        room.play(2)
    with pytest.raises(NothingToAnswer):
        room.answer("001", "credits-twice")
