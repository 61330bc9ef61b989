"""The pure rules of the scheme: money, ids, keys, people, reason codes, BR Codes and texts.

Nothing here reads a clock, a file or a socket; every refusal is a `pix.scheme.errors.SchemeError`.
"""
