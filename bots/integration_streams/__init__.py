"""Orders and signals for other programs: capped Redis streams that follow the database's logs by their ids.

An entry's id in its stream is the id of its row, so what was lost is written again under the same ids, and a reader goes
on from the last id it has seen: nothing is missing, nothing comes under two ids. The last id in the stream is the only
cursor; there is none to lose.
"""
