"""Alembic's entry: the connection comes from `pix.service.database.migrate`."""

from alembic import context

from pix.service.database import run_migrations_here

run_migrations_here(context)
