"""Properties are checked without a deadline (a busy machine is not a defect) and leave no files behind."""

from hypothesis import settings

settings.register_profile("scheme", deadline=None, database=None, max_examples=150)
settings.load_profile("scheme")
