"""A bot's order life in virtual time: the real state machine, store and database, and a venue in memory, killed at any await."""
