"""The API Pix of the Central Bank: an entry point beside the pages and the REST API."""
