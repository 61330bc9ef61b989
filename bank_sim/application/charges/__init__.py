"""Charges and their locations, as a merchant and a payer's bank use them."""
