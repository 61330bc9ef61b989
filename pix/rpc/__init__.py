"""gRPC servers and TLS. README.md says why calls are taken on gRPC's core, and when to delete that."""
