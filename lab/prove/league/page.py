"""The ranking as one HTML file, for a projector: nothing in it is fetched from elsewhere."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Final

from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lab.prove.league import scoring
from lab.prove.league.judging import Wrong
from lab.prove.league.league import LeagueResult, Placed
from lab.prove.league.plan import FaultKind, Plan
from lab.prove.league.scoring import Score
from pix.web import formats
from pix.web.folders import templates_folder
from pix.web.languages import Language, translate, translate_rule, translations
from pix.web.marks import translatable

TEMPLATE: Final = "lab/league.html"
WIDTH: Final = 1_000
HEIGHT: Final = 60
POINTS_MAX: Final = 1_000
COLUMN_MS: Final = 500
AFTER_MS: Final = 8_000
"""What is shown beyond the last order."""
FINDINGS_SHOWN_MAX: Final = 8
PART_NAMES: Final = {
    "money": translatable("Money"),
    "payments": translatable("Payments"),
    "speed": translatable("Speed"),
    "recovery": translatable("Recovery"),
}
WRONG_NAMES: Final = {
    Wrong.LOST: translatable("lost"),
    Wrong.CREATED: translatable("created"),
    Wrong.DOUBLED: translatable("doubled"),
    Wrong.BOOKS: translatable("books that disagree"),
}


def write_page(result: LeagueResult, file: Path, language: Language = Language.ENGLISH) -> None:
    """Raises OSError."""
    file.write_text(page(result, language), encoding="utf-8")


def page(result: LeagueResult, language: Language = Language.ENGLISH) -> str:
    environment = Environment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(brl=formats.brl, rule=partial(translate_rule, language))
    return environment.get_template(TEMPLATE).render(_context(result, language))


def _context(result: LeagueResult, language: Language) -> dict[str, Any]:
    plan, limits = result.plan, result.options.entries.limits
    most = max((count for placed in result.placed for count in _per_column(placed, plan).values()), default=1)
    return {
        "language": language.value,
        "seed": plan.seed,
        "digest": plan.digest,
        "payments": len(plan.orders),
        "faults": len(plan.faults),
        "width": WIDTH,
        "height": HEIGHT,
        "played": _seconds(round(result.seconds * 1000), language, digits=0),
        "limits": {
            "cpus": f"{limits.cpus:g}",
            "memory_mb": limits.memory_mb,
            "by": result.limits_by,
        },
        "points": {
            "money": scoring.MONEY_POINTS,
            "payments": scoring.PAYMENTS_POINTS,
            "speed": scoring.SPEED_POINTS,
            "recovery": scoring.RECOVERY_POINTS,
            "speed_best": _seconds(scoring.SPEED_MS_BEST, language),
            "speed_worst": _seconds(scoring.SPEED_MS_WORST, language, digits=0),
            "recovery_best": _seconds(scoring.RECOVERY_MS_BEST, language, digits=0),
            "recovery_worst": _seconds(scoring.RECOVERY_MS_WORST, language, digits=0),
        },
        "banks": [_bank(placed, plan, most, language) for placed in result.placed],
    }


def _bank(placed: Placed, plan: Plan, most: int, language: Language) -> dict[str, Any]:
    turn = placed.turn
    results, judgement = turn.results, turn.judgement
    never = translate(language, "never")
    label = ", ".join(f"{translate(language, name)} {getattr(turn.score, key)}" for key, name in PART_NAMES.items())
    is_right = results.is_examined and not judgement.findings
    return {
        "rank": placed.rank,
        "name": turn.entrant.name,
        "students": turn.entrant.students,
        "total": turn.score.total,
        "total_text": _number(turn.score.total, language),
        "bar_label": label,
        "parts": _parts(turn.score, language),
        "money_class": "good" if is_right else "bad",
        "is_examined": results.is_examined,
        "wrong": results.centavos_wrong,
        "kinds": [
            (translate(language, name), judgement.centavos(wrong))
            for wrong, name in WRONG_NAMES.items()
            if judgement.centavos(wrong)
        ],
        "right": results.payments_right,
        "planned": results.payments_planned,
        "p99": "–" if results.p99_ms is None else _seconds(results.p99_ms, language, digits=2),
        "recovery": never if results.recovery_ms is None else _seconds(results.recovery_ms, language, digits=2),
        "cpu": _seconds(round(turn.cpu_seconds * 1000), language),
        "memory_mb": turn.memory_peak_mb,
        "columns": _columns(placed, plan, most),
        "faults": [
            {
                "kind": each.kind.value,
                "x": _x(each.from_ms, plan),
                "width": max(1, _x(each.to_ms, plan) - _x(each.from_ms, plan)),
            }
            # The narrow strip of the duplicates lies above the others.
            for each in sorted(turn.course.struck, key=lambda each: each.kind is FaultKind.DUPLICATES)
        ],
        "end_x": _x(round(plan.seconds * 1000), plan),
        "findings": [
            {
                "centavos": finding.centavos,
                "sentence": finding.sentence,
                "where": finding.transfer_id or finding.account,
            }
            for finding in judgement.findings[:FINDINGS_SHOWN_MAX]
        ],
        "more": max(0, len(judgement.findings) - FINDINGS_SHOWN_MAX),
        "notes": turn.notes,
        "log_tail": "\n".join(turn.log_tail),
        "fault": turn.network_fault,
    }


def _parts(score: Score, language: Language) -> list[dict[str, Any]]:
    """The stretches of the bar, in percent of its width.

    A penalty takes the place of the points for money, and fills the whole bar where it eats up all the others.
    """
    lengths = {name: getattr(score, name) for name in PART_NAMES}
    texts = {name: str(points) for name, points in lengths.items()}
    if score.money < 0:
        others = {} if score.total <= 0 else {name: lengths[name] for name in lengths if name != "money"}
        lengths = {"penalty": min(-score.money, POINTS_MAX), **others}
        texts["penalty"] = _number(score.money, language)
    parts = []
    x = 0.0
    for name, points in lengths.items():
        width = 100 * points / POINTS_MAX
        if width > 0:
            parts.append(
                {
                    "name": name,
                    "text": texts[name],
                    "x": round(x, 2),
                    "width": round(width, 2),
                    "middle": round(x + width / 2, 2),
                }
            )
        x += width
    return parts


def _per_column(placed: Placed, plan: Plan) -> Counter[int]:
    end_ms = plan.seconds * 1000 + AFTER_MS
    return Counter(at_ms // COLUMN_MS for at_ms in placed.turn.completed_ms if 0 <= at_ms < end_ms)


def _columns(placed: Placed, plan: Plan, most: int) -> list[dict[str, int]]:
    """The columns of one bank; they have the same scale for all banks."""
    width = _x(COLUMN_MS, plan)
    return [
        {
            "x": _x(number * COLUMN_MS, plan),
            "y": HEIGHT - max(1, round(HEIGHT * count / most)),
            "width": max(1, width - 2),
            "height": max(1, round(HEIGHT * count / most)),
        }
        for number, count in sorted(_per_column(placed, plan).items())
    ]


def _x(at_ms: int, plan: Plan) -> int:
    return round(min(WIDTH, max(0, WIDTH * at_ms / (plan.seconds * 1000 + AFTER_MS))))


def _number(number: int, language: Language) -> str:
    return format_decimal(number, locale=language.locale).replace("-", "\N{MINUS SIGN}")


def _seconds(milliseconds: int, language: Language, digits: int = 1) -> str:
    return f"{formats.decimal(milliseconds / 1000, language, digits)}\N{NO-BREAK SPACE}s"
