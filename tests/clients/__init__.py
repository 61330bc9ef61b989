"""Public client libraries of the API Pix, as they were published, against our banks.

Each is installed, at the versions that stand here, in an environment of its own in the user's cache. No file of a
client is changed: each is told our address by the means that it has.
"""
