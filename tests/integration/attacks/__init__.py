"""Attacks on a network, through every door that it has: each must change nothing, and be told plainly."""
