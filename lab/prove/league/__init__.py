"""A competition for banks: every entrant gets the same payments and the same faults, and its money is counted."""
