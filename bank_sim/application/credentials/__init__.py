"""The use cases of the API's credentials, tokens and request log."""
