"""The ranking as one HTML file, for a projector: nothing in it is fetched from elsewhere."""

from __future__ import annotations

from pathlib import Path

from lab.prove.league.league import LeagueResult


def write_page(result: LeagueResult, file: Path) -> None:
    file.write_text(str(result.plan.digest))
