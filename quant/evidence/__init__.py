"""Are the signals worth anything? Samples of them, statistics of what came after, and rows that say so."""
