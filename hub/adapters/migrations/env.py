"""Alembic's entry: the connection comes from `pix.postgres.migrations.migrate`."""

from alembic import context

from pix.postgres.migrations import run_migrations_here

run_migrations_here(context)
