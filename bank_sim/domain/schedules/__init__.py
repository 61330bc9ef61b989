"""Scheduled Pix: which days a schedule pays on, and what becomes of a try."""
