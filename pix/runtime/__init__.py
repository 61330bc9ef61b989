"""What any process needs: clock, logs, health, caches, limits, passwords, version. Knows no protocol."""
