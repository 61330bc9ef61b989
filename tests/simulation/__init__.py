"""A deterministic simulation of a whole network: `python -m tests.simulation --seeds 2000 --start 0`."""
