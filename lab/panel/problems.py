"""The one table from the panel's errors to HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from lab.classroom.puzzle_room import NoSuchPuzzle, NothingToAnswer, PuzzleInProgress
from lab.classroom.walkthrough import NoNextStep, StepInProgress, StepTimedOut
from lab.drive.generator.plan import PlanRefused
from lab.network.parts.errors import PartError
from lab.network.supervisor import ActionRefused
from lab.panel.operator_sign_in import TokenNeeded
from lab.panel.tasks import Busy
from lab.prove.cluster.board import BoardRefused, NothingStands
from lab.prove.scenarios.from_file import ScenarioFileInvalid
from lab.read.rest import Unreachable
from pix.web.csrf import ForgedRequest
from pix.web.problems import ProblemKind, ProblemTable
from pix.web.session_registry import STREAM_PROBLEMS


class NotThere(Exception):
    """There is no part, scenario or task of this name."""

    def __init__(self, field: str, rule: str) -> None:
        self.field = field
        self.rule = rule
        super().__init__(rule)


class FaultUnknown(Exception):
    """A fault or a plan names what there is not, or breaks a limit."""

    def __init__(self, field: str, rule: str) -> None:
        self.field = field
        self.rule = rule
        super().__init__(rule)


PROBLEMS: Final[ProblemTable] = {
    TokenNeeded: ProblemKind("token-needed", HTTPStatus.UNAUTHORIZED, "Access token needed"),
    **STREAM_PROBLEMS,
    ForgedRequest: ProblemKind("forged-request", HTTPStatus.FORBIDDEN, "The form is not from this session"),
    NotThere: ProblemKind("not-there", HTTPStatus.NOT_FOUND, "Not found"),
    ActionRefused: ProblemKind("action-refused", HTTPStatus.CONFLICT, "The action is not possible now"),
    Busy: ProblemKind("busy", HTTPStatus.CONFLICT, "Another run is in progress"),
    ScenarioFileInvalid: ProblemKind("scenario-invalid", HTTPStatus.UNPROCESSABLE_ENTITY, "The scenario is not valid"),
    PlanRefused: ProblemKind("plan-refused", HTTPStatus.UNPROCESSABLE_ENTITY, "The traffic plan is not valid"),
    FaultUnknown: ProblemKind("fault-invalid", HTTPStatus.UNPROCESSABLE_ENTITY, "The fault is not valid"),
    NothingStands: ProblemKind("nothing-stands", HTTPStatus.CONFLICT, "No fault stands"),
    BoardRefused: ProblemKind("fault-refused", HTTPStatus.CONFLICT, "The fault is not possible now"),
    PartError: ProblemKind("part-failed", HTTPStatus.SERVICE_UNAVAILABLE, "The component failed"),
    StepInProgress: ProblemKind("story-busy", HTTPStatus.CONFLICT, "The step is still running"),
    NoNextStep: ProblemKind("story-over", HTTPStatus.CONFLICT, "There is no next step"),
    StepTimedOut: ProblemKind("story-stuck", HTTPStatus.SERVICE_UNAVAILABLE, "The step failed"),
    PuzzleInProgress: ProblemKind("puzzle-busy", HTTPStatus.CONFLICT, "The puzzle is still being played"),
    NoSuchPuzzle: ProblemKind("no-puzzle", HTTPStatus.NOT_FOUND, "There is no such puzzle"),
    NothingToAnswer: ProblemKind("puzzle-not-played", HTTPStatus.CONFLICT, "There is nothing to answer"),
    Unreachable: ProblemKind("unreachable", HTTPStatus.SERVICE_UNAVAILABLE, "A service is not responding"),
}
