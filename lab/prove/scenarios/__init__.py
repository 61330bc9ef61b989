"""Named, replayable scripts that break a network in one way each, and prove that nothing was lost."""
