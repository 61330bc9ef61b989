"""What an operator sees of a service: metrics, traces, and the ids by which lines of the log belong together.

All of it wraps: a handler around the batch handler, a unit of work around the unit of work, an application around the
web application, interceptors around gRPC. Domain and use cases know nothing of it.
"""
