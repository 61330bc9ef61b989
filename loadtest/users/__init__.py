"""The load generator: simulated users of pages, of the REST API and of look-ups, and the verdict."""
