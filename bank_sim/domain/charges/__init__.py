"""Charges of the API Pix: what a merchant asks of a payer, from the request until it is paid."""
