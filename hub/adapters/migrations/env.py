"""Alembic's entry: the connection comes from `pix.service.migrations.migrate`."""

from alembic import context

from pix.service.migrations import run_migrations_here

run_migrations_here(context)
