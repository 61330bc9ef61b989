"""The virtual clock of the network, as far as hub and banks do the same with it."""
