"""The classroom: the life of a transfer step by step, on real processes that stand still in between."""
