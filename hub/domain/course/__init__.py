"""Banks of the original CodePix course, which take part through the hub's course adapter.

The adapter is each such bank's participant: towards the hub it speaks the protocol as the bank of that ISPB, and
towards the bank the course's wire. docs/course-mode.md says what holds.
"""
