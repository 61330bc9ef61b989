"""The parts that the lab starts as its own children: processes, PostgreSQL, and a broker of either kind."""
