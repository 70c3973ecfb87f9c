"""Accounts at real venues, through ccxt. Only `library.py` imports it: it costs a second and 100 MB."""
