"""What several rooms of tests use: no tests of its own."""
