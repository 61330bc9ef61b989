"""A league: every entrant has its turn, and the scores make the ranking."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab.network.network import KafkaKind, network_folder
from lab.network.parts.errors import PartError
from lab.prove.league.confinement import Confiner, choose_confiner
from lab.prove.league.entrants import Entrant, Entries
from lab.prove.league.judging import Judgement, Wrong
from lab.prove.league.plan import SECONDS_DEFAULT, FaultKind, Plan, make_plan
from lab.prove.league.scoring import NO_SCORE, ranks
from lab.prove.league.turn import Turn, TurnResult, nothing_done
from lab.read.rest import Unreachable

FINDINGS_SHOWN_MAX: Final = 50
"""Of each entrant in the document; the sums are of all."""


@dataclass(frozen=True, slots=True)
class LeagueOptions:
    entries: Entries
    seed: int = 1
    seconds: float = SECONDS_DEFAULT
    kafka: KafkaKind = KafkaKind.EMBEDDED
    user: str | None = None
    """The system user whom the entrants run as; None: the one who runs the league."""
    keep: Path | None = None
    """Where the networks' data and logs stay; None: nowhere."""


@dataclass(frozen=True, slots=True)
class Placed:
    rank: int
    turn: TurnResult


@dataclass(frozen=True, slots=True)
class LeagueResult:
    options: LeagueOptions
    plan: Plan
    limits_by: str
    limits_why: str
    placed: Sequence[Placed]
    """By rank, and within a rank by name."""
    seconds: float


def play_league(options: LeagueOptions, progress: Callable[[str], None]) -> LeagueResult:
    """Every entrant in turn, each in a new network. Raises `PartError` when the first network cannot be started."""
    started = time.monotonic()
    plan = make_plan(options.seed, options.seconds)
    confiner = choose_confiner(options.entries.limits, options.user)
    progress(f"Plan {plan.digest}: {len(plan.orders)} payments and {len(plan.faults)} faults for each bank")
    progress(f"Limits by {confiner.name} ({confiner.why})")
    turns: list[TurnResult] = []
    try:
        with network_folder(options.keep) as folder:
            for number, entrant in enumerate(options.entries.entrants):
                turns.append(_play_turn(options, plan, confiner, number, entrant, folder, progress))
                progress(f"  {entrant.name}: {_summary(turns[-1])}")
    finally:
        confiner.close()
    return LeagueResult(options, plan, confiner.name, confiner.why, place(turns), time.monotonic() - started)


def _play_turn(
    options: LeagueOptions,
    plan: Plan,
    confiner: Confiner,
    number: int,
    entrant: Entrant,
    folder: Path,
    progress: Callable[[str], None],
) -> TurnResult:
    progress(f"Turn {number + 1} of {len(options.entries.entrants)}: a new network for {entrant.name}")

    def report_step(step: str) -> None:
        progress(f"  {step}")

    turn = Turn(plan, entrant, number, options.entries.limits, confiner, options.kafka, report_step)
    try:
        return turn.play(folder / f"turn-{number + 1}")
    except (PartError, Unreachable) as error:
        if number == 0 and not isinstance(error, Unreachable):
            # Nothing was started before: the machine lacks something, and the next turn would lack it too.
            raise
        results = nothing_done(plan)
        fault = str(error).splitlines()[0]
        return TurnResult(entrant, "", results, NO_SCORE, Judgement(), network_fault=fault)


def _summary(turn: TurnResult) -> str:
    results = turn.results
    wrong = "money not examined" if not results.is_examined else f"{results.centavos_wrong} centavos wrong"
    return (
        f"{turn.score.total} points, {results.payments_right} of {results.payments_planned} payments right, {wrong} "
        f"({turn.seconds:.0f} s)"
    )


def place(turns: Sequence[TurnResult]) -> list[Placed]:
    placed = zip(ranks(turn.score.total for turn in turns), turns, strict=True)
    return sorted((Placed(*each) for each in placed), key=lambda each: (each.rank, each.turn.entrant.name))


def league_document(result: LeagueResult) -> dict[str, Any]:
    limits = result.options.entries.limits
    return {
        "seed": result.plan.seed,
        "plan": {
            "digest": result.plan.digest,
            "seconds": result.plan.seconds,
            "payments": len(result.plan.orders),
            "faults": [
                {"kind": each.kind.value, "at_ms": each.at_ms, "for_ms": each.for_ms} for each in result.plan.faults
            ],
        },
        "limits": {
            "by": result.limits_by,
            "why": result.limits_why,
            "cpus": limits.cpus,
            "memory_mb": limits.memory_mb,
            "processes": limits.processes,
            "disk_mb": limits.disk_mb,
            "log_mb": limits.log_mb,
        },
        "kafka": result.options.kafka.value,
        "seconds": round(result.seconds, 1),
        "ranking": [_entrant_document(placed) for placed in result.placed],
    }


def _entrant_document(placed: Placed) -> dict[str, Any]:
    turn = placed.turn
    results, score, judgement = turn.results, turn.score, turn.judgement
    return {
        "rank": placed.rank,
        "name": turn.entrant.name,
        "students": turn.entrant.students,
        "points": {
            "total": score.total,
            "money": score.money,
            "payments": score.payments,
            "speed": score.speed,
            "recovery": score.recovery,
        },
        "money": {
            "examined": results.is_examined,
            "centavos_wrong": judgement.centavos_wrong,
            **{wrong.value: judgement.centavos(wrong) for wrong in Wrong},
            "findings": [
                {
                    "kind": finding.wrong.value,
                    "centavos": finding.centavos,
                    "account": finding.account,
                    "transfer_id": finding.transfer_id,
                    "sentence": finding.sentence,
                }
                for finding in judgement.findings[:FINDINGS_SHOWN_MAX]
            ],
        },
        "payments": {
            "planned": results.payments_planned,
            "right": results.payments_right,
            "completed": results.payments_completed,
            "outcomes": turn.outcomes,
            "completed_at_ms": turn.completed_ms,
        },
        "p99_ms": results.p99_ms,
        "recovery_ms": results.recovery_ms,
        "recoveries_ms": list(results.recoveries_ms),
        "faults": [
            {"kind": each.kind.value, "from_ms": each.from_ms, "to_ms": each.to_ms} for each in turn.course.struck
        ],
        "records_repeated": turn.duplicates,
        "cpu_seconds": round(turn.cpu_seconds, 2),
        "memory_peak_mb": turn.memory_peak_mb,
        "seconds": round(turn.seconds, 1),
        "notes": list(turn.notes),
        "log_tail": list(turn.log_tail),
        "network_fault": turn.network_fault,
    }


def outages(turn: TurnResult) -> int:
    """How often the bank was killed or frozen."""
    return sum(each.kind is not FaultKind.DUPLICATES for each in turn.course.struck)
