"""What is read when bots are taken on."""

from bots.orders.sql import POSITION_COLUMNS

BOTS = """
SELECT b.id, b.owner_id, b.name, b.state, b.closing_since IS NOT NULL AS closing, b.version, b.account_id, b.evaluation, b.interval_s, b.timeframes,
       b.component_weights, b.strategy_weight_balance, b.use_diversification_multiplier, b.validator_enabled,
       b.disabled_strategies, b.adapt_to_regime, b.regime_timeframes, b.maximum_volatility, b.edge_gate,
       b.minimum_confidence, b.minimum_coverage, b.second_source, b.signal_storage, b.order_type, b.capital, b.maximum_positions,
       b.maximum_position_value, b.maximum_trades_per_day, b.stop_loss, b.take_profit, b.trailing_stop,
       b.daily_loss_limit, b.weekly_target, b.maximum_drawdown, b.ladder AS bot_ladder, b.ladder_reason AS bot_reason,
       b.on_daily_loss, b.on_drawdown, a.live_since,
       a.ladder AS account_ladder, a.ladder_reason AS account_reason, a.mode, a.quote_asset, a.maker_fee_bps,
       a.taker_fee_bps, a.latency_ms, e.code AS exchange, e.clock, i.ladder AS installation_ladder,
       i.ladder_reason AS installation_reason, s.id AS session_id, s.started_at AS session_started_at, w.baseline_at
FROM bots_bot b
JOIN bots_account a ON a.id = b.account_id
JOIN marketdata_exchange e ON e.id = a.exchange_id
CROSS JOIN bots_installation i
LEFT JOIN bots_session s ON s.bot_id = b.id AND s.ended_at IS NULL
LEFT JOIN bots_performancestate w ON w.bot_id = b.id
WHERE b.id = ANY(%(bot_ids)s)
"""

# What was taken off the watchlist while a position or an order was open is still looked after.
INSTRUMENTS = """
SELECT u.bot_id, n.id AS instrument_id, e.code AS exchange, n.symbol, n.base, n.quote, n.tick_size, n.lot_size,
       n.min_quantity, n.max_quantity, n.min_notional, bool_or(u.watched) AS watched
FROM (
    SELECT bot_id, instrument_id, true AS watched FROM bots_bot_instruments WHERE bot_id = ANY(%(bot_ids)s)
    UNION ALL
    SELECT bot_id, instrument_id, false FROM bots_position WHERE bot_id = ANY(%(bot_ids)s) AND closed_at IS NULL
    UNION ALL
    SELECT bot_id, instrument_id, false FROM bots_intent WHERE bot_id = ANY(%(bot_ids)s) AND closed_at IS NULL
) u
JOIN marketdata_instrument n ON n.id = u.instrument_id
JOIN marketdata_exchange e ON e.id = n.exchange_id
GROUP BY u.bot_id, n.id, e.code
ORDER BY u.bot_id, n.symbol
"""

# Results of closed trades, and of open positions so far; the peak is the best since the baseline.
RESULTS = """
SELECT b.id AS bot_id,
       CASE WHEN t.day = %(day_start)s THEN t.realised_day ELSE 0 END AS realised_today,
       CASE WHEN t.week = %(week_start)s THEN t.realised_week ELSE 0 END AS realised_week,
       coalesce(t.gained - t.lost, 0) + coalesce(o.total, 0) AS realised_total, k.baseline_peak AS peak_pnl,
       d.opened + w.entering AS trades_today
FROM bots_bot b
LEFT JOIN bots_standing t ON t.bot_id = b.id
LEFT JOIN bots_performancestate k ON k.bot_id = b.id
LEFT JOIN LATERAL (
    SELECT sum(realised_pnl - fees) AS total FROM bots_position WHERE bot_id = b.id AND closed_at IS NULL) o ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS opened FROM bots_position WHERE bot_id = b.id AND opened_at >= %(day_start)s) d ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS entering FROM bots_intent i
    WHERE i.bot_id = b.id AND i.closed_at IS NULL AND i.purpose = 'entry' AND NOT EXISTS (
        SELECT FROM bots_position p
        WHERE p.bot_id = i.bot_id AND p.instrument_id = i.instrument_id AND p.closed_at IS NULL)) w ON true
WHERE b.id = ANY(%(bot_ids)s)
"""

ENTRIES = """
SELECT r.bot_id, r.decided_at, n.symbol, r.side
FROM bots_order r
JOIN bots_intent i ON i.id = r.intent_id
JOIN marketdata_instrument n ON n.id = r.instrument_id
WHERE r.bot_id = ANY(%(bot_ids)s) AND i.purpose = 'entry' AND r.decided_at >= %(day_start)s
ORDER BY r.decided_at
"""

POSITIONS = f"""
SELECT {POSITION_COLUMNS}, p.account_id FROM bots_position p
WHERE p.closed_at IS NULL
  AND p.account_id IN (SELECT account_id FROM bots_bot WHERE id = ANY(%(bot_ids)s))
ORDER BY p.id
"""

ORDERS = """
SELECT r.id, r.bot_id, r.instrument_id, n.symbol, r.side, i.purpose, r.order_type, r.state, r.quantity,
       r.filled_quantity, r.limit_price, i.position_id, r.decided_at, r.cancel_requested
FROM bots_intent i
JOIN bots_order r ON r.intent_id = i.id
JOIN marketdata_instrument n ON n.id = r.instrument_id
WHERE i.closed_at IS NULL AND r.bot_id = ANY(%(bot_ids)s)
ORDER BY r.created_at
"""

BALANCES = """
SELECT account_id, asset, total, reserved FROM bots_balance
WHERE account_id IN (SELECT account_id FROM bots_bot WHERE id = ANY(%(bot_ids)s))
"""

# Orders with what is needed to give them to the broker again.
_ORDERS_OF_BROKERS = """
SELECT o.id, o.intent_id, o.bot_id, o.account_id, o.instrument_id, o.state, o.side, o.order_type, o.quantity,
       o.limit_price, o.filled_quantity, o.sign_ts_ms, o.valid_until_ms, o.decided_at, o.cancel_requested,
       o.venue_order_id, o.acknowledged_at, o.updated_at, a.mode,
       i.decision_id, i.purpose, i.exit_reason, i.position_id, i.slot, i.stop_loss, i.take_profit, i.trailing_stop,
       e.code AS exchange, n.symbol, n.base, n.quote, n.tick_size, n.lot_size, n.min_quantity, n.max_quantity,
       n.min_notional, (SELECT count(*) FROM bots_fill f WHERE f.order_id = o.id) AS fills,
       CASE WHEN a.mode <> 'paper' THEN
           (SELECT jsonb_object_agg(f.trade_id, f.quantity::text) FROM bots_fill f WHERE f.order_id = o.id) END AS booked
FROM bots_order o
JOIN bots_intent i ON i.id = o.intent_id
JOIN bots_account a ON a.id = o.account_id
JOIN marketdata_instrument n ON n.id = o.instrument_id
JOIN marketdata_exchange e ON e.id = n.exchange_id
"""

# What a dead owner left.
LEFT_BEHIND = f"""{_ORDERS_OF_BROKERS}
WHERE o.bot_id = ANY(%(bot_ids)s) AND o.state IN ('planned', 'sending', 'unknown', 'open', 'partial')
ORDER BY o.created_at
"""

ORDERS_BY_ID = f"""{_ORDERS_OF_BROKERS}
WHERE o.id = ANY(%(order_ids)s)
"""
