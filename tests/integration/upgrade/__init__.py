"""Data of an older version, brought to the newest schema and played to its end."""
