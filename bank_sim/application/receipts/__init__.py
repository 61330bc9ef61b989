"""The use cases of received Pix: what a merchant's programs see of them, and returning them."""
