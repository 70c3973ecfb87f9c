"""Have the feeds stream what a bot watches."""

from bots.models import Bot, Position
from marketdata.models import Subscription
from marketdata.operations import follow, unfollow


def follower_of(bot: Bot) -> str:
    return f"bot:{bot.pk}"


def followers_called(text: str) -> list[str]:
    """The followers of the bots with this number or name."""
    named = Bot.objects.filter(pk=int(text)) if text.isdecimal() else Bot.objects.filter(name=text)
    return [follower_of(bot) for bot in named]


def follow_symbols(bot: Bot) -> None:
    """Make the bot's subscriptions its watchlist while it is active, and what it holds in any case."""
    held = Position.objects.filter(bot=bot, closed_at=None).values_list(
        "instrument__exchange__code", "instrument__symbol"
    )
    wanted = set(held)
    if bot.is_active:
        wanted |= set(bot.instruments.values_list("exchange__code", "symbol"))
    rows = Subscription.objects.filter(follower=follower_of(bot))
    current = set(rows.values_list("exchange__code", "symbol"))
    for exchange, symbol in sorted(wanted - current):
        follow(exchange=exchange, symbol=symbol, follower=follower_of(bot))
    for exchange, symbol in sorted(current - wanted):
        unfollow(exchange=exchange, symbol=symbol, follower=follower_of(bot))
