"""The one table from the hub's errors to HTTP."""

from __future__ import annotations

from typing import Final

from hub.application.live_messages import TooManyWatchers
from hub.domain.errors import (
    BankAlreadyAdded,
    BankNotActive,
    BankNotFound,
    ClockIsMoving,
    FundingConflict,
    KeyNotFound,
    LookUpsExhausted,
    NotAuthenticated,
    SettlementFundsTooLow,
    TransferNotFound,
)
from hub.entrypoints.http.api.flows import FLOW_PROBLEMS
from hub.entrypoints.http.api.topics import TOPIC_PROBLEMS
from pix.participant.dead_letters.problems import DEAD_LETTER_PROBLEMS
from pix.runtime.outages import BrokerUnavailable, DatabaseUnavailable
from pix.web.csrf import ForgedRequest
from pix.web.operators import OPERATOR_PROBLEMS
from pix.web.problems import ProblemKind, ProblemTable
from pix.web.session_registry import STREAM_PROBLEMS

PROBLEMS: Final[ProblemTable] = {
    NotAuthenticated: ProblemKind("not-authenticated", 401, "The bank's credentials are wrong"),
    BankNotActive: ProblemKind("bank-not-active", 403, "The bank is suspended"),
    BankNotFound: ProblemKind("bank-not-found", 404, "The bank does not exist"),
    BankAlreadyAdded: ProblemKind("bank-already-added", 409, "The bank already exists"),
    KeyNotFound: ProblemKind("key-not-found", 404, "The key is not registered"),
    LookUpsExhausted: ProblemKind("look-ups-exhausted", 429, "Rate limit for key lookups reached"),
    ClockIsMoving: ProblemKind("clock-is-moving", 409, "The clock is moving already"),
    TransferNotFound: ProblemKind("transfer-not-found", 404, "The transfer does not exist"),
    FundingConflict: ProblemKind("funding-conflict", 409, "Another funding has this ID"),
    SettlementFundsTooLow: ProblemKind("settlement-funds-too-low", 409, "The available settlement balance is too low"),
    TooManyWatchers: ProblemKind("too-many-watchers", 429, "Too many streams of events are open"),
    **FLOW_PROBLEMS,
    **TOPIC_PROBLEMS,
    **DEAD_LETTER_PROBLEMS,
    **OPERATOR_PROBLEMS,
    **STREAM_PROBLEMS,
    DatabaseUnavailable: ProblemKind("database-unavailable", 503, "The hub's database is not responding"),
    ForgedRequest: ProblemKind("forged-request", 403, "The form is not from this session"),
    BrokerUnavailable: ProblemKind("broker-unavailable", 503, "The broker is not responding"),
}
