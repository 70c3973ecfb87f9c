"""What a person may do about a feed that is not as it should be. Reasons say what happened; these go after them."""

_STATES = {
    "connecting": "Nothing to do: the first prices are on their way.",
    "stale": "Nothing is traded on it, and the feed asks again by itself. If it stays: the market may be quiet, "
    "or the venue in trouble.",
    "resyncing": "Nothing to do: the order book is built anew, and signals wait for it.",
    "fallback": "Nothing to do: the socket takes over again by itself.",
    "disconnected": "The feed tries again by itself. If it stays: check this machine's network and the venue's status page.",
    "failed": "Tries go on. Check this machine's network, the exchange's addresses in the admin and the venue's status "
    "page; `manage.py testfeed` tries it on its own.",
    "closed": "Nothing to do: prices come again when the market opens.",
    "refused": "The venue lists it but does not stream it: choose another symbol in the bot's settings.",
}
NOT_RUNNING = "Nobody streams it now: start `manage.py runfeed`, or look at its log."
SOURCE_NOT_ASKED = "Nobody asks it now: start `manage.py runfeed` for everything, or look at its log."
NOT_ALLOWED = (
    "Check the key or token in the environment of the feed (`manage.py doctor` names what is set), and start it again."
)
NO_LISTINGS = (
    "The venue has not told what it lists: check this machine's network, the exchange's addresses in the admin and the "
    "venue's status page."
)
IDLE = "No bot follows a symbol here: start a bot, and it streams within two seconds."
_SOURCES = {
    "waiting": "Nothing to do: it is asked at its next turn.",
    "unreachable": "It is asked again by itself. If it stays: check this machine's network and the source's address.",
    "unreadable": "Its format may have changed: look for an update of this software.",
    "refused": "Check the source's address; it may want a key, or other countries only.",
    "stale": "Signals go without it meanwhile.",
    "failed": "It is started again by itself; the feed's log says why it stopped.",
}


def feed_advice(state: str, *, is_running: bool = True) -> str:
    """What to do about a symbol's feed; "" when nothing is wrong, or the reason says it itself."""
    return _STATES.get(state, "") if is_running else NOT_RUNNING


def source_advice(state: str) -> str:
    return _SOURCES.get(state, "")
