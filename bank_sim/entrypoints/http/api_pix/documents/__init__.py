"""The documents of the API Pix about charges: field names and values are those of the Central Bank's description."""
