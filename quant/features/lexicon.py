"""A word list for headlines: a baseline, until a language model's verdict is there to be compared with it.

Text comes from outside: it is cut, folded and looked up, never interpreted; the time taken is linear in its length.
"""

import re
import unicodedata

MAX_CHARACTERS = 300
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")

# Phrases are found before their words, the longest first.
PHRASES: dict[str, float] = {
    "to the moon": 1.0,
    "all time high": 1.0,
    "record high": 1.0,
    "record inflows": 1.0,
    "new high": 0.7,
    "rips higher": 0.8,
    "shorts liquidated": 0.8,
    "short squeeze": 0.8,
    "strategic reserve": 0.6,
    "etf approval": 0.8,
    "etf approved": 0.8,
    "rate cut": 0.5,
    "buy the dip": 0.4,
    "longs liquidated": -0.8,
    "long squeeze": -0.8,
    "all time low": -1.0,
    "record low": -1.0,
    "record outflows": -1.0,
    "new low": -0.7,
    "rug pull": -1.0,
    "bank run": -1.0,
    "death cross": -0.5,
    "golden cross": 0.5,
    "rate hike": -0.5,
    "sell off": -0.8,
    "halts withdrawals": -1.0,
    "withdrawals halted": -1.0,
    "exit scam": -1.0,
    "risk off": -0.5,
}
WORDS: dict[str, float] = {
    **dict.fromkeys(("surge", "surges", "surged", "surging", "soar", "soars", "soared", "soaring"), 0.8),
    **dict.fromkeys(("rally", "rallies", "rallied", "rallying", "skyrockets", "skyrocket", "moon", "mooning"), 0.8),
    **dict.fromkeys(("jump", "jumps", "jumped", "rebound", "rebounds", "recovers", "recovery", "breakout"), 0.6),
    **dict.fromkeys(("gain", "gains", "gained", "climb", "climbs", "climbed", "rise", "rises", "rising", "rose"), 0.5),
    **dict.fromkeys(("bullish", "bull", "bulls", "upgrade", "upgraded", "outperform", "optimism", "optimistic"), 0.6),
    **dict.fromkeys(("adoption", "adopts", "approves", "approved", "approval", "partnership", "inflows"), 0.5),
    **dict.fromkeys(("accumulate", "accumulates", "accumulation", "buys", "legalizes", "milestone", "wins"), 0.4),
    **dict.fromkeys(("crash", "crashes", "crashed", "crashing", "plunge", "plunges", "plunged", "plummets"), -0.9),
    **dict.fromkeys(("tumble", "tumbles", "tumbled", "collapse", "collapses", "collapsed", "selloff", "rout"), -0.8),
    **dict.fromkeys(("fall", "falls", "fell", "falling", "drop", "drops", "dropped", "slump", "slumps", "sinks"), -0.5),
    **dict.fromkeys(("decline", "declines", "declined", "dip", "dips", "slide", "slides", "loses", "losses"), -0.4),
    **dict.fromkeys(("bearish", "bear", "bears", "downgrade", "downgraded", "fear", "fears", "panic"), -0.6),
    **dict.fromkeys(("hack", "hacked", "hacks", "hackers", "exploit", "exploited", "stolen", "theft", "scam"), -0.9),
    **dict.fromkeys(("fraud", "bankrupt", "bankruptcy", "insolvent", "insolvency", "delisted", "delists"), -0.9),
    **dict.fromkeys(("ban", "bans", "banned", "lawsuit", "sues", "sued", "charged", "probe", "crackdown"), -0.6),
    **dict.fromkeys(("liquidated", "liquidation", "liquidations", "outflows", "warns", "warning", "rejects"), -0.5),
}
NEGATIONS = frozenset({"no", "not", "never", "without", "denies", "deny", "isn't", "won't", "doesn't", "didn't"})
# How many words after a negation are turned round.
REACH = 3
_LONGEST = max(len(phrase.split()) for phrase in PHRASES)


def fold(text: str) -> str:
    """At most 300 characters, compatibility forms unified, invisible ones dropped, lower case."""
    text = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS])
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Mn"))
    return text.casefold().replace("\u2019", "'").replace("-", " ")[:MAX_CHARACTERS]


def score(text: str) -> float | None:
    """Mean of what is found, in [-1, 1]; None where nothing of the list is.

    >>> score("BTC to the moon"), score("Exchange not hacked"), score("Weekly newsletter")
    (1.0, 0.9, None)
    """
    words = _WORD.findall(fold(text))
    found: list[float] = []
    negated_until = 0
    i = 0
    while i < len(words):
        if words[i] in NEGATIONS:
            negated_until = i + 1 + REACH
            i += 1
            continue
        length, value = _longest(words, i)
        if value is not None:
            found.append(-value if i < negated_until else value)
        i += length
    return sum(found) / len(found) if found else None


def _longest(words: list[str], start: int) -> tuple[int, float | None]:
    for length in range(min(_LONGEST, len(words) - start), 1, -1):
        value = PHRASES.get(" ".join(words[start : start + length]))
        if value is not None:
            return length, value
    return 1, WORDS.get(words[start])
