"""Named, repeatable scenarios, each of which breaks a network in one way and proves that nothing was lost."""
