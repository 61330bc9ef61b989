"""The crowd of the load test: people, integrators and look-ups, who come in their own time, and the verdict."""
