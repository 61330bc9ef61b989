"""PostgreSQL: engine, transactions, COPY, prepared statements, migrations. README.md says why it is special."""
