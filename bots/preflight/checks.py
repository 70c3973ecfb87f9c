"""The checks: each looks at the facts and says one thing."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from bots.preflight.facts import Facts, SymbolFacts
from bots.preflight.result import Result, failed, ok, warning

CLOCK_GOOD_MS, CLOCK_BAD_MS = 250.0, 500.0
# A running feed asks the venue every quarter of an hour.
RULES_GOOD_S, RULES_BAD_S = 3600.0, 86_400.0
FEED_FRESH_S = 5.0
TICK_FRESH_S = 60.0
NO_VENUE = "The venue must answer first."


def check_key(facts: Facts) -> Result:
    """Opened, allowed to trade, not allowed to withdraw."""
    name, venue = "API key", facts.venue
    if venue is None or venue.key_error:
        return failed(name, venue.key_error if venue else "not looked at", "Give the account an API key that opens.")
    if venue.key is None:
        return failed(name, f"{facts.exchange} did not tell what it may do: {venue.error}", _reach(facts))
    key = venue.key
    if key.can_withdraw:
        return failed(name, "it may withdraw", f"Make one at {facts.exchange} that cannot withdraw, and give it that.")
    if key.can_trade is False:
        return failed(name, "it may not trade", f"Allow trading for it at {facts.exchange}, or give it another.")
    unsure = [
        what
        for what, told in (("trading", key.can_trade), ("withdrawing", key.can_withdraw))
        if told is None
    ]  # fmt: skip
    if unsure:
        return warning(
            name,
            f"{facts.exchange} does not tell about {' and '.join(unsure)}",
            f"See on {facts.exchange}'s own page that the key may trade and cannot withdraw.",
        )
    if key.is_ip_bound is False:
        return warning(
            name,
            "may trade, cannot withdraw, works from any address",
            f"Bind it to this server's address at {facts.exchange}.",
        )
    return ok(name, "may trade, cannot withdraw" + (", bound to an address" if key.is_ip_bound else ""))


def check_clock(facts: Facts) -> Result:
    """Venues refuse orders whose time is off."""
    name = "clock"
    offset_ms = facts.venue.offset_ms if facts.venue else None
    if offset_ms is None:
        return failed(name, f"{facts.exchange} did not tell its time", NO_VENUE)
    seen = f"{offset_ms:+.0f} ms from {facts.exchange}'s"
    if abs(offset_ms) > CLOCK_BAD_MS:
        return failed(name, seen, "Set this machine's clock by NTP (`timedatectl set-ntp true`).")
    if abs(offset_ms) > CLOCK_GOOD_MS:
        return warning(name, seen, "Set this machine's clock by NTP before it is off by half a second.")
    return ok(name, seen)


def check_balance(facts: Facts) -> Result:
    """Enough for this bot at its largest, beside the account's other bots."""
    name = "balance"
    free = facts.venue.free_cash if facts.venue else None
    if free is None:
        return failed(name, f"{facts.exchange} did not tell what the account holds", NO_VENUE)
    others = f", the account's other bots up to {facts.size_of_others:f} more" if facts.size_of_others else ""
    seen = f"{free:f} {facts.quote} free; the bot may use {facts.size:f}{others}"
    if free < facts.size:
        return failed(
            name,
            seen,
            f"Bring {facts.size - free:f} {facts.quote} more, or lower capital, maximum position value or positions.",
        )
    if free < facts.size + facts.size_of_others:
        return warning(
            name, seen, "When all of them are in the market at once, entries will be refused for want of cash."
        )
    return ok(name, seen)


def check_rules(facts: Facts) -> Result:
    """Tick, lot and smallest order of each instrument, as the venue has them now."""
    name = "instrument rules"
    advice = f"Enable {facts.exchange} and run its feed: it asks for them every quarter of an hour."
    if not facts.symbols:
        return failed(name, "the bot has no instruments", "Add at least one to its watchlist.")
    if missing := _names([symbol for symbol in facts.symbols if not symbol.has_rules]):
        return failed(name, f"none for {missing}, or not traded any more", advice)
    oldest = max(facts.symbols, key=lambda symbol: symbol.rules_age_s)
    seen = f"{_number(facts.symbols)}, oldest {_span(oldest.rules_age_s)} old ({oldest.symbol})"
    if oldest.rules_age_s > RULES_BAD_S:
        return failed(name, seen, advice)
    return warning(name, seen, advice) if oldest.rules_age_s > RULES_GOOD_S else ok(name, seen)


def check_feed(facts: Facts) -> Result:
    """Live prices for each instrument."""
    name = "prices"
    advice = "See the feeds page and `manage.py doctor`; nothing is decided without prices."
    silent = [symbol for symbol in facts.symbols if symbol.feed_age_s is None or symbol.feed_age_s > FEED_FRESH_S]
    if silent or not facts.symbols:
        return failed(name, f"no running feed of {facts.exchange} for {_names(silent) or 'anything'}", advice)
    odd = [f"{s.symbol} is {s.feed_state} {f'({s.feed_reason})' if s.feed_reason else ''}".strip()
           for s in facts.symbols if s.feed_state not in ("live", "fallback")]  # fmt: skip
    if odd:
        return failed(name, "; ".join(odd[:5]), advice)
    old = [symbol for symbol in facts.symbols if symbol.tick_age_s is None or symbol.tick_age_s > TICK_FRESH_S]
    if old:
        return failed(name, f"no price for more than {TICK_FRESH_S:.0f} s of {_names(old)}", advice)
    if fallback := _names([symbol for symbol in facts.symbols if symbol.feed_state == "fallback"]):
        return warning(name, f"{fallback} by REST or a second source only", advice)
    return ok(
        name, f"{_number(facts.symbols)} live, the oldest {max(s.tick_age_s or 0 for s in facts.symbols):.1f} s old"
    )


def check_limits(facts: Facts) -> Result:
    """A stop, a daily loss, a drawdown and a largest position, of the bot and of the account."""
    unset = [name for name, value in facts.limits.items() if value <= 0]
    if unset:
        return failed(
            "limits", f"not set: {', '.join(unset)}", "Set each above 0, on the bot's and the account's page."
        )
    return ok("limits", ", ".join(f"{name} {_figure(name, value)}" for name, value in facts.limits.items()))


def check_paper_record(facts: Facts) -> Result:
    """The same settings have traded on paper for long enough. On a sandbox nothing is at stake."""
    name, record = "paper record", facts.paper
    seen = f"{record.trades} of {facts.paper_trades_needed} closed trades, {record.days:.1f} of {facts.paper_days_needed:g} days"
    advice = (
        "Run a paper bot with the same settings and symbols until it is there; a change of settings begins anew. "
        "PREFLIGHT_PAPER_TRADES and PREFLIGHT_PAPER_DAYS say how much is asked."
    )
    if record.trades < facts.paper_trades_needed or record.days < facts.paper_days_needed:
        return failed(name, seen, advice) if facts.has_money else warning(name, seen, advice)
    seen += f", {record.pnl:+f} {record.quote} after fees"
    if record.trades and record.pnl < 0:
        return warning(name, seen, "It lost on paper; with real money slippage comes on top.")
    return ok(name, seen)


def check_model(facts: Facts) -> Result:
    """Where the bot weighs a learned model, one that may vote."""
    name = "model"
    if not facts.weighs_model:
        return ok(name, "the bot weighs none")
    if without := _names([symbol for symbol in facts.symbols if not symbol.has_model]):
        return failed(
            name,
            f"none in canary or live for {without}",
            "Train and promote one (models page), or set the weight of model to 0.",
        )
    return ok(name, f"one votes for each of {_number(facts.symbols)}")


def check_restriction(facts: Facts) -> Result:
    """The kill switch, of the bot, its account and the installation."""
    if facts.restriction:
        return warning("kill switch", facts.restriction, "It will start, and enter nothing until this is cleared.")
    return ok("kill switch", "nothing is restricted")


def check_site(facts: Facts) -> Result:
    """Passwords must not be readable on the way."""
    if facts.site_url.startswith("https://"):
        return ok("site", f"{facts.site_url}")
    return failed("site", f"SITE_URL is {facts.site_url}", "Put a proxy with TLS before it and set SITE_URL to https.")


def check_go_live(facts: Facts) -> Result:
    """Its owner said so, by the account's name."""
    if facts.is_live:
        return ok("going live", f"{facts.account} was let trade real money by its owner")
    return failed(
        "going live",
        f"{facts.account} has not gone live",
        "Its owner does that on the account's page, by typing its name.",
    )


Check = Callable[[Facts], Result]
# What a paper bot is told too, where nothing is refused.
LIGHT: tuple[Check, ...] = (check_rules, check_feed, check_model, check_restriction)
VENUE: tuple[Check, ...] = (
    check_key, check_clock, check_balance, check_rules, check_feed, check_limits, check_paper_record, check_model,
    check_restriction,
)  # fmt: skip
LIVE: tuple[Check, ...] = (*VENUE, check_site, check_go_live)


def examine(facts: Facts) -> list[Result]:
    """Every check that the mode asks for, in the order in which a person would mend them."""
    if facts.mode == "paper":
        return [lenient(check(facts)) for check in LIGHT]
    return [check(facts) for check in (LIVE if facts.has_money else VENUE)]


def lenient(result: Result) -> Result:
    """On paper nothing is refused: what would fail is a warning."""
    return warning(result.name, result.seen, result.advice) if result.level == "failed" else result


def _reach(facts: Facts) -> str:
    return f"See that {facts.exchange} can be reached and takes the key: revoked, for another environment, bound elsewhere?"


def _names(symbols: Sequence[SymbolFacts]) -> str:
    names = [symbol.symbol for symbol in symbols]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _number(symbols: Sequence[SymbolFacts]) -> str:
    return "1 instrument" if len(symbols) == 1 else f"{len(symbols)} instruments"


def _span(seconds: float) -> str:
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 129_600 else f"{seconds / 86_400:.0f} days"


def _figure(name: str, value: Decimal) -> str:
    return f"{value:f}" if "value" in name else f"{float(value) * 100:g} %"
