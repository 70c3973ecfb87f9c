"""How dates look where the language does not say it the way traders need it."""
