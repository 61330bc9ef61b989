"""The schema's versions, and what of their tools stays in a service's memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from bank_sim.adapters.postgres import MIGRATIONS as BANK_MIGRATIONS
from hub.adapters.postgres.unit_of_work import MIGRATIONS as HUB_MIGRATIONS
from pix.postgres.migrations import alembic_configuration, newest_revision


@pytest.mark.parametrize("migrations", [HUB_MIGRATIONS, BANK_MIGRATIONS], ids=["hub", "bank"])
def test_the_newest_revision_is_the_one_that_alembic_would_bring_the_schema_to(migrations: Path) -> None:
    assert (
        newest_revision(migrations) == ScriptDirectory.from_config(alembic_configuration(migrations)).get_current_head()
    )


def test_a_service_that_runs_for_weeks_keeps_no_alembic_in_its_memory() -> None:
    program = "import sys, hub.bootstrap, bank_sim.bootstrap; print('alembic' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
