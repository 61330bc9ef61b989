"""Credentials of the API Pix: what an application of a customer signs in with."""
