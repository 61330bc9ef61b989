"""A cluster on one machine: each host is a network namespace with an address, and links between hosts can be bad."""
