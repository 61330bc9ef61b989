"""What the bank's app keeps for a customer beside the money: devices, contacts, and what has been read."""
