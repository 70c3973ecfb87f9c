"""From where drawdown is measured: a new high-water mark at what a bot, or an account, is worth now."""

from datetime import datetime

from django.db import connection

from bots.models import Account, Bot

BOT = """
INSERT INTO bots_performancestate (
    bot_id, baseline_at, baseline_peak, baseline_reason, peak_result, maximum_drawdown, returns, mean, squares,
    downside, elapsed_s)
SELECT b.id, %(at)s, coalesce(s.gained - s.lost, 0) + coalesce(o.result, 0), %(reason)s, 0, 0, 0, 0, 0, 0, 0
FROM bots_bot b
LEFT JOIN bots_standing s ON s.bot_id = b.id
LEFT JOIN LATERAL (
    SELECT sum(realised_pnl - fees + CASE WHEN side = 'buy' THEN 1 ELSE -1 END
               * (quantity * coalesce(mark_price, entry_price) - cost)) AS result
    FROM bots_position WHERE bot_id = b.id AND closed_at IS NULL) o ON true
WHERE b.id = %(bot_id)s
ON CONFLICT (bot_id) DO UPDATE SET baseline_at = excluded.baseline_at, baseline_peak = excluded.baseline_peak,
    baseline_reason = excluded.baseline_reason
RETURNING baseline_peak
"""

# Engines read a baseline together with their bots' settings, which they look at when these say that they changed.
TOUCH = "UPDATE bots_bot SET updated_at = clock_timestamp() WHERE id = %(bot_id)s"


def new_bot_baseline(bot: Bot, *, reason: str, now: datetime) -> str:
    """Measure the bot's drawdown from its present equity on. Gives that equity as text, for the record."""
    values: dict[str, int | str | datetime] = {"bot_id": bot.pk, "at": now, "reason": reason[:300]}
    with connection.cursor() as cursor:
        cursor.execute(BOT, values)
        (result,) = cursor.fetchone()
        cursor.execute(TOUCH, values)
    return f"{bot.capital + result:.2f}"


def new_account_baseline(account: Account, *, now: datetime) -> str:
    """Measure the account's drawdown from its present equity on. Gives that equity as text."""
    with connection.cursor() as cursor:
        cursor.execute(ACCOUNT, {"account_id": account.pk, "at": now})
        (equity,) = cursor.fetchone()
    return f"{equity:.2f}"


EQUITY = """
coalesce((SELECT total FROM bots_balance b WHERE b.account_id = a.id AND b.asset = a.quote_asset), 0)
    + coalesce((SELECT sum(CASE WHEN side = 'buy' THEN 1 ELSE -1 END * quantity * coalesce(mark_price, entry_price))
                FROM bots_position p WHERE p.account_id = a.id AND p.closed_at IS NULL), 0)
"""

ACCOUNT = f"""
UPDATE bots_account a SET peak_equity = {EQUITY}, peak_since = %(at)s WHERE id = %(account_id)s
RETURNING peak_equity
"""
