"""The load generator for locust, and the benchmark."""
