"""The ranking as a table in the terminal."""

from __future__ import annotations

from typing import Final

from rich.markup import escape
from rich.table import Table

from lab.prove.league.judging import Wrong
from lab.prove.league.league import LeagueResult, Placed
from lab.prove.league.scoring import MONEY_POINTS

FINDINGS_PRINTED_MAX: Final = 3
WRONG_WORDS: Final = {
    Wrong.LOST: "lost",
    Wrong.CREATED: "created",
    Wrong.DOUBLED: "doubled",
    Wrong.BOOKS: "wrong in its books",
}


def league_table(result: LeagueResult) -> Table:
    title = (
        f"League, seed {result.plan.seed}, plan {result.plan.digest}: {len(result.plan.orders)} payments each, "
        f"limits by {result.limits_by}"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("#", justify="right")
    table.add_column("bank")
    for name in ("points", "wrong money", "payments right", "p99", "recovery"):
        table.add_column(name, justify="right")
    for placed in result.placed:
        table.add_row(*_cells(placed))
    return table


def _cells(placed: Placed) -> list[str]:
    results, points = placed.turn.results, placed.turn.score
    color = "green" if points.money == MONEY_POINTS else "red" if points.money < 0 else "yellow"
    wrong = reais(results.centavos_wrong) if results.is_examined else "not examined"
    return [
        str(placed.rank),
        escape(placed.turn.entrant.name),
        f"[bold]{points.total}[/]",
        f"[{color}]{wrong}[/]",
        f"{results.payments_right} of {results.payments_planned}",
        "–" if results.p99_ms is None else f"{results.p99_ms / 1000:.2f} s",
        "never" if results.recovery_ms is None else f"{results.recovery_ms / 1000:.2f} s",
    ]


def league_remarks(result: LeagueResult) -> list[str]:
    """For each bank what was wrong with its money, and what went wrong with its process."""
    remarks = []
    for placed in result.placed:
        turn = placed.turn
        name = turn.entrant.name
        for wrong in Wrong:
            found = [each for each in turn.judgement.findings if each.wrong is wrong]
            if not found:
                continue
            remarks.append(f"{name}: {reais(turn.judgement.centavos(wrong))} {WRONG_WORDS[wrong]}")
            remarks += [
                f"    {each.transfer_id or each.account or 'books'}: {each.sentence}"
                for each in found[:FINDINGS_PRINTED_MAX]
            ]
            if len(found) > FINDINGS_PRINTED_MAX:
                remarks.append(f"    and {len(found) - FINDINGS_PRINTED_MAX} more (--json lists them)")
        remarks += [f"{name}: {note}" for note in turn.notes]
        remarks += [f"    {line}" for line in turn.log_tail]
        if turn.network_fault:
            remarks.append(f"{name}: this turn does not count, because the network failed: {turn.network_fault}")
    return remarks


def reais(centavos: int) -> str:
    return f"R$ {centavos // 100:,}.{centavos % 100:02d}"
