"""What several rooms of tests use; no tests.

Hubs and banks in this process: `participants` composes them with their edge to the wire, `hub` is a hub to which the
test speaks as the banks, `bank` a bank to which it speaks as the hub, and `village` a hub with its banks and what
delivers between them. `network` is a network of processes. Values: `banks`, `hub_builders`, `bank_builders`, `clock`.
"""
