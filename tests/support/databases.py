"""Databases of tests: copies of one that has a participant's newest schema, and tables that are emptied."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from psycopg2 import sql  # type: ignore[import-untyped]
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url

from lab.network.parts.postgres import MAINTENANCE_DATABASE, EmbeddedPostgres
from pix.postgres.engine import transaction
from pix.postgres.limits import SET_UP_LIMITS
from pix.postgres.migrations import migrate
from pix.postgres.plain_connection import connect_plainly

HUB_TABLES = (
    "dead_letters, transfers, transfer_tallies, returns, return_tallies, pix_keys, key_events, bank_instances, "
    "settlement_fundings, settlement_accounts, bank_secrets, banks, network_clock, clock_jump, clock_reports, "
    "course_banks, course_accounts, course_legs, operator_trail, key_tallies, dead_letter_tallies"
)
BANK_TABLES = (
    "accounts, account_keys, transfers, returns, postings, rules, planned_payments, participants, seeded_stories, "
    "dead_letters, network_clock, schedules, schedule_executions, charges, charge_revisions, locations, batches, "
    "batch_items, api_credentials, api_requests, webhooks, webhook_notices, webhook_deliveries, webhook_reports, "
    "signing_keys, devices, favourites, read_marks, posting_tallies, account_tallies, "
    "row_tallies, dead_letter_tallies"
)

RESTART_NUMBERS = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) "
    "FROM pg_sequences WHERE last_value IS NOT NULL"
)


class Databases:
    """Makes databases on the run's server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._templates: dict[Path, str] = {}

    def new(self) -> str:
        """The URL of an empty database."""
        name = f"test_{uuid4().hex}"
        self._server.create_database(name)
        return self._server.url(name)

    def migrated(self, migrations: Path) -> str:
        """The URL of a database with the newest schema: a copy, which takes less time than the migrations."""
        if migrations not in self._templates:
            url = self.new()
            migrate(url, migrations)
            self._templates[migrations] = str(make_url(url).database)
        name = f"test_{uuid4().hex}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(self._templates[migrations])
        )
        connection = connect_plainly(self._server.url(MAINTENANCE_DATABASE), SET_UP_LIMITS)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()
        return self._server.url(name)


def empty_hub(engine: Engine) -> None:
    """Empties every table of a hub: quicker than another database."""
    with transaction(engine) as connection:
        _remove_rows(connection, HUB_TABLES)


def empty_bank(engine: Engine) -> None:
    """Empties every table of a bank, and begins its numbers anew."""
    with transaction(engine) as connection:
        _remove_rows(connection, BANK_TABLES)
        connection.execute(text(RESTART_NUMBERS))


def _remove_rows(connection: Connection, tables: str) -> None:
    """Only from tables that have some: TRUNCATE makes new files for every table and index, which takes much longer."""
    # Postings refuse to be removed, and rows refer to each other; this switches triggers off for the transaction.
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    # What an earlier test has left running ends first.
    connection.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))
    asked = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables.split(", "))
    for name in connection.execute(text(" UNION ALL ".join(asked))).scalars().all():
        connection.execute(text(f"DELETE FROM {name}"))
