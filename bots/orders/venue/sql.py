"""Statements about an account at a venue. Whoever books there holds the row of `bots_venuestate`."""

KEY = "SELECT set_at FROM bots_accountcredentials WHERE account_id = %(account_id)s"

CREATE_STATE = """
INSERT INTO bots_venuestate (account_id, opened_ms, problem) VALUES (%(account_id)s, 0, '')
ON CONFLICT (account_id) DO NOTHING
"""

STATE = """
SELECT opened_ms, opened_at, reconciled_at, problem, problem_since FROM bots_venuestate WHERE account_id = %(account_id)s
"""

LOCK_STATE = "SELECT opened_ms FROM bots_venuestate WHERE account_id = %(account_id)s FOR UPDATE"

BALANCES = "SELECT asset, total, reserved FROM bots_balance WHERE account_id = %(account_id)s"

# What bots of the account trade, hold or have ordered, and what was read before.
INSTRUMENTS = """
SELECT n.id AS instrument_id, e.code AS exchange, n.symbol, n.base, n.quote, n.tick_size, n.lot_size, n.min_quantity,
       n.max_quantity, n.min_notional, c.since_ms
FROM (
    SELECT w.instrument_id FROM bots_bot_instruments w JOIN bots_bot b ON b.id = w.bot_id
    WHERE b.account_id = %(account_id)s
    UNION SELECT instrument_id FROM bots_position WHERE account_id = %(account_id)s AND closed_at IS NULL
    UNION SELECT instrument_id FROM bots_intent WHERE account_id = %(account_id)s AND closed_at IS NULL
    UNION SELECT instrument_id FROM bots_venuecursor WHERE account_id = %(account_id)s
    UNION SELECT m.id FROM marketdata_instrument m JOIN bots_account a ON a.exchange_id = m.exchange_id
    WHERE a.id = %(account_id)s AND m.base = ANY(%(differing)s) AND m.quote = ANY(%(differing)s)
) u
JOIN marketdata_instrument n ON n.id = u.instrument_id
JOIN marketdata_exchange e ON e.id = n.exchange_id
LEFT JOIN bots_venuecursor c ON c.account_id = %(account_id)s AND c.instrument_id = n.id
ORDER BY n.symbol
"""

KNOWN_ORDERS = """
SELECT o.id, o.bot_id, o.instrument_id, n.symbol, o.side, o.state, o.venue_order_id, o.sign_ts_ms,
       l.holder, l.expires_at > clock_timestamp() AS leased
FROM bots_order o
JOIN marketdata_instrument n ON n.id = o.instrument_id
LEFT JOIN bots_botlease l ON l.bot_id = o.bot_id
WHERE o.account_id = %(account_id)s
  AND (o.id = ANY(%(order_ids)s) OR (o.venue_order_id <> '' AND o.venue_order_id = ANY(%(venue_ids)s))
       OR o.state IN ('sending', 'unknown', 'open', 'partial'))
"""

BOOKED_TRADES = """
SELECT trade_id FROM bots_fill
WHERE account_id = %(account_id)s AND instrument_id = %(instrument_id)s AND trade_id = ANY(%(trade_ids)s)
UNION ALL
SELECT trade_id FROM bots_externalfill
WHERE account_id = %(account_id)s AND instrument_id = %(instrument_id)s AND trade_id = ANY(%(trade_ids)s)
"""

INSERT_EXTERNAL_FILL = """
INSERT INTO bots_externalfill (
    id, account_id, instrument_id, order_id, trade_id, venue_order_id, side, price, quantity, fee, fee_asset, ts_event,
    created_at)
VALUES (
    %(id)s, %(account_id)s, %(instrument_id)s, %(order_id)s, %(trade_id)s, %(venue_order_id)s, %(side)s, %(price)s,
    %(quantity)s, %(fee)s, %(fee_asset)s, %(ts_event)s, clock_timestamp())
ON CONFLICT (account_id, instrument_id, trade_id) DO NOTHING
RETURNING id
"""

ADD_BALANCE = """
INSERT INTO bots_balance (account_id, asset, total, reserved) VALUES (%(account_id)s, %(asset)s, %(amount)s, 0)
ON CONFLICT (account_id, asset) DO UPDATE SET total = bots_balance.total + excluded.total
"""

INSERT_LEG = """
INSERT INTO bots_journalleg (account_id, entry, book, asset, amount, kind, created_at)
VALUES (%(account_id)s, %(entry)s, %(book)s, %(asset)s, %(amount)s, %(kind)s, clock_timestamp())
"""

LOCK_BALANCES = """
SELECT asset, total FROM bots_balance WHERE account_id = %(account_id)s ORDER BY asset FOR UPDATE
"""

OPENED = """
UPDATE bots_venuestate SET opened_ms = %(opened_ms)s, opened_at = clock_timestamp() WHERE account_id = %(account_id)s
"""

SAVE_CURSOR = """
INSERT INTO bots_venuecursor (account_id, instrument_id, since_ms)
VALUES (%(account_id)s, %(instrument_id)s, %(since_ms)s)
ON CONFLICT (account_id, instrument_id) DO UPDATE SET since_ms = greatest(bots_venuecursor.since_ms, excluded.since_ms)
"""

RECONCILED = """
UPDATE bots_venuestate SET reconciled_at = CASE WHEN %(complete)s THEN clock_timestamp() ELSE reconciled_at END,
    problem = %(problem)s::text,
    problem_since = CASE WHEN %(problem)s::text = '' THEN NULL ELSE coalesce(problem_since, clock_timestamp()) END
WHERE account_id = %(account_id)s
"""

UPSERT_EXTERNAL_ORDER = """
INSERT INTO bots_externalorder AS x (
    account_id, venue_order_id, client_order_id, symbol, side, state, quantity, filled_quantity, limit_price,
    first_seen_at, updated_at)
VALUES (
    %(account_id)s, %(venue_order_id)s, %(client_order_id)s, %(symbol)s, %(side)s, %(state)s, %(quantity)s,
    %(filled)s, %(limit_price)s, clock_timestamp(), clock_timestamp())
ON CONFLICT (account_id, symbol, venue_order_id) DO UPDATE SET state = excluded.state,
    filled_quantity = greatest(x.filled_quantity, excluded.filled_quantity), updated_at = clock_timestamp()
    WHERE x.state IN ('open', 'partial')
RETURNING (xmax = 0) AS is_new
"""

END_EXTERNAL_ORDERS = """
UPDATE bots_externalorder x SET updated_at = clock_timestamp(), state = CASE WHEN x.quantity <= (
    SELECT coalesce(sum(f.quantity), 0) FROM bots_externalfill f
    WHERE f.account_id = x.account_id AND f.venue_order_id = x.venue_order_id) THEN 'filled' ELSE 'canceled' END
WHERE account_id = %(account_id)s AND state IN ('open', 'partial') AND NOT venue_order_id = ANY(%(open_ids)s)
"""

PAUSE_ACCOUNT = """
UPDATE bots_account SET ladder = 'pause', ladder_reason = %(reason)s WHERE id = %(account_id)s AND ladder = 'active'
RETURNING id
"""
