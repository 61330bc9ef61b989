"""The course adapter: what it does with the messages of the hub and of the course's banks."""
