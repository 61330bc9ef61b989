"""The reports of an examination: a table, and files of HTML, JUnit and JSON."""
