"""What customers do in the bank's app beside paying: cash, PIN, devices, contacts, news."""
