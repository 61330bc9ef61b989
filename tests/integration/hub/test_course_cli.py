"""`codepix-hub course-bank`: course banks and their accounts by command, and what is owed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import Result

from hub.adapters.course.postgres import PostgresCourseUnits
from hub.domain.course.model import Leg, LegKind, LegState
from hub.entrypoints.course.cli import read_course_banks
from tests.integration.hub.test_hub_cli import run
from tests.support.hub import World

__all__ = ["run"]

ACCOUNT = "6e4635ce-88d1-4e58-9597-d13fc446ee47"
Run = Callable[..., Result]


def test_a_course_bank_and_its_account_are_added_and_listed(run: Run, engine: Engine) -> None:
    added = run("course-bank", "add", "--code", "001", "--name", "BBX", "--settlement-funds", "5000")
    assert (added.exit_code, added.output) == (
        0, "001 BBX (00000001), course of 2023, group nest_bank_001-server\n"
    )  # fmt: skip
    account = ("--code", "001", "--account-id", ACCOUNT, "--number", "1111", "--owner-name", "User BBX 1")
    for _ in range(2):
        done = run("course-bank", "add-account", *account)
        assert (done.exit_code, done.output) == (0, f"1111 User BBX 1 at 001: {ACCOUNT}\n")
    changed = run("course-bank", "add", "--code", "001", "--name", "BBX", "--edition", "2021", "--group", "mine")
    assert "course of 2021, group mine" in changed.output
    listed = run("course-bank", "list").output
    assert ACCOUNT in listed and "mine" in listed
    assert "R$ 50,00" in run("bank", "list").output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "--code", "003", "--name", "X"), "code: must be 001 or 002: a course bank reads no other topics"),
        (
            ("add-account", "--code", "001", "--account-id", "1", "--number", "1", "--owner-name", "X"),
            "account_id: must be a UUID of version 4 in small letters",
        ),
        (
            ("add-account", "--code", "001", "--account-id", ACCOUNT, "--number", "1", "--owner-name", "X"),
            "code: no course bank has this code",
        ),
        (
            ("clear", "x", "--code", "001", "--kind", "refund", "--note", "x"),
            "course_id: nothing is owed under this id",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_in_a_sentence(
    run: Run, engine: Engine, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = run("course-bank", *arguments)

    assert (refused.exit_code, refused.stderr) == (1, f"{sentence}\n")


def test_a_bank_that_speaks_the_protocol_becomes_no_course_bank(run: Run, world: World) -> None:
    refused = run("course-bank", "add", "--code", "001", "--name", "BBX")

    assert (refused.exit_code, refused.stderr) == (
        1, "code: belongs to Banco Aurora, which speaks the protocol and not the course's wire\n"
    )  # fmt: skip


def test_what_is_owed_is_listed_and_cleared(run: Run, engine: Engine) -> None:
    run("course-bank", "add", "--code", "001", "--name", "BBX")
    leg = Leg(
        "00000001", LegKind.REFUND, "refund-1", "", LegState.PARKED, 2_500, "a", "", "", "x", "a", 1, reason="AC03"
    )  # fmt: skip
    with PostgresCourseUnits(engine)() as unit:
        unit.course.save([leg])
        unit.commit()
    owed = run("course-bank", "owed").output
    assert "R$ 25,00" in owed and "parked" in owed and "AC03" in owed

    cleared = run("course-bank", "clear", "refund-1", "--code", "001", "--kind", "refund", "--note", "given back")

    assert (cleared.exit_code, cleared.output) == (0, "cleared\n")
    assert "refund-1" not in run("course-bank", "owed").output


def test_a_file_of_course_banks_is_read_with_their_accounts(tmp_path: Path, run: Run) -> None:
    file = tmp_path / "banks.json"
    account = {"account_id": ACCOUNT, "number": "1111", "owner_name": "User BBX 1"}
    file.write_text(json.dumps([{"code": "001", "name": "BBX", "accounts": [account]}]))
    assert read_course_banks(file)[0].accounts[0].number == "1111"
    file.write_text(json.dumps([{"code": "001", "colour": "x"}]))
    refused = run("serve", "--course-banks", str(file))
    assert refused.exit_code == 2
    assert "is not a list of course banks: 0.name: Field required" in refused.stderr
