"""Drills: something is broken on purpose on this installation's simulated exchange, and what happens is told."""
