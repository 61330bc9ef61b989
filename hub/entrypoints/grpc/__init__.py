"""gRPC calls the hub: the directory of keys and the participants, for banks that prove who they are."""
