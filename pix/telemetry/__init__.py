"""Metrics, traces, and the ids that relate log lines.

All of it wraps: a handler around the batch handler, a unit of work around the unit of work, an application around the
web application, interceptors around gRPC. Domain and use cases know nothing of it.
"""
