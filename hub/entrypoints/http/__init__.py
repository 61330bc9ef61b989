"""HTTP calls the hub: the console for people, the REST API for programs."""
