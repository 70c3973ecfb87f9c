"""How long a test waits for what it says will happen.

Nothing is asserted on this time, and who does not wait loses nothing: it is long enough for a machine that gives these
processes a tenth of a core.
"""

PATIENCE_S = 60.0
