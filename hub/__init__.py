"""The hub: it brokers between banks."""

from pix.rpc.core import prepare_core

# Here, for nothing of the hub is imported before this, and so no gRPC.
prepare_core()
