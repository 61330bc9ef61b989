"""Proves that no transfer is lost: smoke test, experiments, outages, scenarios."""
