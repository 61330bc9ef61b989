"""Locust's process, and the command that starts it: what they need, and what they must not bring along."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lab.cli import app
from loadtest.users.pages import NotOnThePage, end_to_end_id, error_text, hidden_field, live_address, reason

IMPORT = "import sys, loadtest.locustfile; print(*sorted(name for name in sys.modules if name.partition('.')[0] in {}))"
THREADS_OF_THEIR_OWN = {"confluent_kafka", "psycopg2", "sqlalchemy", "uvicorn"}


def test_nothing_with_threads_of_its_own_is_in_locusts_process() -> None:
    # Locust has one thread, which its users share by switching at calls of the network. A client that waits in C,
    # as Kafka's and PostgreSQL's do, would stop them all.
    finished = subprocess.run(
        [sys.executable, "-c", IMPORT.format(THREADS_OF_THEIR_OWN)], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == ""


def test_without_locust_it_says_how_to_get_it() -> None:
    # Nor may the command itself import it: that would replace the sockets and signals of its process.
    code = (
        "import sys; sys.modules |= {'locust': None, 'gevent': None}; sys.argv = ['codepix', 'load']\n"
        "import lab.cli; lab.cli.main()"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert finished.stderr.strip() == "The load needs locust, which is not installed: pip install 'codepix[load]'"


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--mix", "cats=1"], "--mix: 'cats'"), (["--rate", "0"], "--rate: 0 is not from")]
)
def test_an_option_that_cannot_be_is_refused_before_anything_starts(arguments: list[str], said: str) -> None:
    finished = CliRunner().invoke(app, ["load", *arguments])
    assert finished.exit_code == 2
    assert said in finished.output


def test_what_a_page_lacks_is_named() -> None:
    page = '<input type="hidden" name="csrf_token" value="a&amp;b"><h1>Who do you want to pay?</h1>'
    assert hidden_field(page, "csrf_token") == "a&b"
    assert (live_address(page), reason(page)) == (None, "")
    assert error_text(page) == "Who do you want to pay?"
    with pytest.raises(NotOnThePage, match="order"):
        hidden_field(page, "order")
    with pytest.raises(NotOnThePage, match="end-to-end"):
        end_to_end_id(page)
