"""Who follows a symbol: what followers are called by people, and how many there are.

Followers belong to other apps (`bot:7`), which register here how a name that a person types is found.
"""

from collections.abc import Callable, Collection, Iterable

from django.db.models import Count

from marketdata.models import Subscription

_finders: list[Callable[[str], list[str]]] = []


class UnknownFollower(LookupError):
    """Nobody is called so, or what is called so follows nothing now."""


def register_finder(find: Callable[[str], list[str]]) -> None:
    """find(text) gives the followers with this id or name."""
    if find not in _finders:
        _finders.append(find)


def find_followers(names: Iterable[str]) -> frozenset[str]:
    """The followers of these ids or names. Raises UnknownFollower for a name that nobody has."""
    found: set[str] = set()
    for name in names:
        followers = [follower for find in _finders for follower in find(name)]
        if not followers:
            raise UnknownFollower(f"No bot has the id or name {name!r}: `manage.py bots list` shows what there is.")
        found.update(followers)
    return frozenset(found)


def followed_exchanges(followers: Collection[str]) -> list[str]:
    """Codes of the exchanges at which these follow something. Raises UnknownFollower when there are none."""
    rows = Subscription.objects.filter(follower__in=followers, exchange__enabled=True)
    codes = sorted(set(rows.values_list("exchange__code", flat=True)))
    if not codes:
        raise UnknownFollower("These bots follow nothing now, so there is nothing to stream: start them first.")
    return codes


def follower_counts() -> dict[tuple[str, str], int]:
    """How many follow each (exchange, symbol)."""
    rows = Subscription.objects.order_by().values_list("exchange__code", "symbol").annotate(number=Count("pk"))
    return {(exchange, symbol): number for exchange, symbol, number in rows}
