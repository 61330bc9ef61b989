"""A stand-in for a bank of the original CodePix course, written from its observed behaviour, faults included.

It is no example of a good bank: docs/course-mode.md names what it does wrong, as the course's Nest bank does.
"""
