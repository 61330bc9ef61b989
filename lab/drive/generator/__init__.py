"""A stream of payments between all banks, at the rate and of the mix that one wants, and what becomes of each."""
