"""People who pay each other through the banks, as many as you like, and the checks that nothing of theirs was lost."""
