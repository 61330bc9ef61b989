"""The classroom's puzzle: which bank loses money, and by which mistake."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request, Response

from lab.broken_banks.stories import STORIES
from lab.classroom.puzzle_room import PuzzleRoom
from lab.classroom.puzzles import BANKS, PUZZLES
from lab.panel.live_page import live_page_router
from lab.panel.operator_sign_in import require_sign_in
from lab.panel.site import LabOf, Laboratory, done
from lab.panel.views import NUMBER_NAMES, bank_mark
from pix.web.languages import Language
from pix.web.site import no_forgery, version_of

PATH: Final = "/puzzle"
LIVE_PARTS: Final = ("heading", "evidence", "answer")
FIELD_LENGTH_MAX: Final = 40


def puzzles_of(lab: LabOf) -> PuzzleRoom:
    assert lab.puzzles is not None, "these routes exist in a classroom only"
    return lab.puzzles


PuzzlesOf = Annotated[PuzzleRoom, Depends(puzzles_of)]


def _versions(lab: Laboratory) -> dict[str, str]:
    return dict.fromkeys(LIVE_PARTS, version_of(repr(puzzles_of(lab).state)))


def _context(lab: Laboratory, _: Language) -> dict[str, Any]:
    state = puzzles_of(lab).state
    puzzle = state.puzzle
    return {
        "puzzle": state,
        "numbers": range(1, len(PUZZLES) + 1),
        "following": state.number % len(PUZZLES) + 1,
        "answers": [] if puzzle is None else [(defect, STORIES[defect].title) for defect in puzzle.answers],
        "small_banks": [(code, name, bank_mark(code, color)) for code, name, color in BANKS],
        "bank_names": {code: name for code, name, _ in BANKS},
        "truth": None if puzzle is None else STORIES[puzzle.defect],
        "broken_code": "" if puzzle is None else puzzle.code,
        "number_names": NUMBER_NAMES,
    }


page = live_page_router("lab/puzzle.html", _context, _versions, PATH)
router = APIRouter(include_in_schema=False, dependencies=[Depends(require_sign_in), Depends(no_forgery)])


@router.post("/puzzle/play")
def play(request: Request, puzzles: PuzzlesOf, number: Annotated[int, Form()]) -> Response:
    puzzles.play(number)
    return done(request, PATH)


@router.post("/puzzle/answer")
def answer(
    request: Request,
    puzzles: PuzzlesOf,
    bank: Annotated[str, Form(max_length=FIELD_LENGTH_MAX)] = "",
    defect: Annotated[str, Form(max_length=FIELD_LENGTH_MAX)] = "",
) -> Response:
    puzzles.answer(bank, defect)
    return done(request, PATH)


@router.post("/puzzle/right")
def play_right(request: Request, puzzles: PuzzlesOf) -> Response:
    puzzles.play_right()
    return done(request, PATH)
