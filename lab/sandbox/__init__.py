"""The sandbox for integrators: a small network that a test starts, drives and puts back."""
