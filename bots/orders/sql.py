"""Every statement of the order path. Hot ones run in two round trips: what is locked and read, then what is written.

Locks are taken in one order everywhere: order, lease and ladders (shared), position, balances by asset.
"""

# --- The gate ---------------------------------------------------------------------------------------------------

LOCK_GATE = """
SELECT l.epoch = %(epoch)s AND l.holder = %(holder)s
           AND l.expires_at > clock_timestamp() + %(margin)s AS leased,
       i.ladder AS installation_ladder, i.ladder_reason AS installation_reason,
       a.ladder AS account_ladder, a.ladder_reason AS account_reason,
       b.ladder AS bot_ladder, b.ladder_reason AS bot_reason, b.state AS bot_state, b.state_reason,
       b.account_id, b.maximum_positions, b.maximum_position_value, b.maximum_trades_per_day,
       b.maximum_entries_per_5_minutes, b.capital, b.daily_loss_limit, b.weekly_target, b.maximum_drawdown,
       a.daily_loss_limit AS account_daily_loss_limit, a.maximum_drawdown AS account_maximum_drawdown,
       a.peak_equity AS account_peak, a.mode AS account_mode, a.live_since, clock_timestamp() AS now,
       b.on_daily_loss, b.on_drawdown, a.on_daily_loss AS account_on_daily_loss, a.on_drawdown AS account_on_drawdown,
       i.maximum_exposure AS installation_maximum_exposure, i.daily_loss_limit AS installation_daily_loss_limit
FROM bots_botlease l
JOIN bots_bot b ON b.id = l.bot_id
JOIN bots_account a ON a.id = b.account_id
CROSS JOIN bots_installation i
WHERE l.bot_id = %(bot_id)s
FOR SHARE OF l, b, a, i
"""

LOCK_POSITION = """
SELECT quantity FROM bots_position
WHERE id = %(position_id)s AND bot_id = %(bot_id)s AND instrument_id = %(instrument_id)s AND closed_at IS NULL
FOR UPDATE
"""

# Row locks are not fair: shared ones that overlap without a pause keep a writer waiting for ever. This lock's queue is,
# so that a kill switch waits for the gates that are under way, and for none that comes later.
LADDERS_KEY = 728112002
SHARE_LADDERS = f"SELECT pg_advisory_xact_lock_shared({LADDERS_KEY})"
CHANGE_LADDERS = f"SELECT pg_advisory_xact_lock({LADDERS_KEY})"

# Entries of all accounts are judged one after another where they share a limit; no other path takes this lock.
LOCK_INSTALLATION = """
SELECT pg_advisory_xact_lock(728112001) FROM bots_installation WHERE maximum_exposure IS NOT NULL
"""

# An entry locks the account's cash too, whatever it reserves: entries of an account are judged one after another.
LOCK_BALANCES_OF_GATE = """
SELECT asset, total, reserved FROM bots_balance WHERE account_id = %(account_id)s AND asset = ANY(%(locked_assets)s)
ORDER BY asset FOR UPDATE
"""

# After the locks, so that its snapshot holds every order that went before.
GATE_FACTS = """
SELECT
    EXISTS (SELECT FROM bots_intent WHERE bot_id = %(bot_id)s AND instrument_id = %(instrument_id)s
            AND side = %(side)s AND purpose = %(purpose)s AND slot = %(slot)s) AS duplicate,
    EXISTS (SELECT FROM bots_intent WHERE bot_id = %(bot_id)s AND instrument_id = %(instrument_id)s
            AND purpose = %(purpose)s AND closed_at IS NULL) AS live_order,
    EXISTS (SELECT FROM bots_position WHERE bot_id = %(bot_id)s AND instrument_id = %(instrument_id)s
            AND closed_at IS NULL) AS has_position,
    (SELECT count(*) FROM bots_intent WHERE bot_id = %(bot_id)s AND closed_at IS NULL) AS open_orders,
    (SELECT count(*) FROM (
        SELECT instrument_id FROM bots_position WHERE bot_id = %(bot_id)s AND closed_at IS NULL
        UNION
        SELECT instrument_id FROM bots_intent
        WHERE bot_id = %(bot_id)s AND closed_at IS NULL AND purpose = 'entry') taken) AS open_positions,
    (SELECT count(*) FROM bots_position WHERE bot_id = %(bot_id)s AND opened_at >= %(day_start)s)
    + (SELECT count(*) FROM bots_intent t WHERE t.bot_id = %(bot_id)s AND t.closed_at IS NULL AND t.purpose = 'entry'
       AND NOT EXISTS (SELECT FROM bots_position p WHERE p.bot_id = t.bot_id AND p.instrument_id = t.instrument_id
                       AND p.closed_at IS NULL)) AS trades_today,
    coalesce(p.gross, 0) AS positions_gross, coalesce(p.symbol, 0) AS positions_symbol,
    coalesce(q.gross, 0) AS orders_gross, coalesce(q.symbol, 0) AS orders_symbol
FROM (
    SELECT sum(quantity * coalesce(mark_price, entry_price)) AS gross,
           sum(quantity * coalesce(mark_price, entry_price)) FILTER (WHERE instrument_id = %(instrument_id)s) AS symbol
    FROM bots_position WHERE account_id = %(account_id)s AND closed_at IS NULL
) p,
(
    SELECT sum(reserved_left) AS gross, sum(reserved_left) FILTER (WHERE instrument_id = %(instrument_id)s) AS symbol
    FROM bots_intent WHERE account_id = %(account_id)s AND closed_at IS NULL AND purpose = 'entry'
) q
"""

# What only entries are judged by: results, peaks and rates of the bot and of its whole account.
ENTRY_FACTS = """
SELECT coalesce(s.gained - s.lost, 0) AS closed_total,
       CASE WHEN s.day = %(day_start)s THEN s.realised_day ELSE 0 END AS realised_today,
       CASE WHEN s.week = %(week_start)s THEN s.realised_week ELSE 0 END AS realised_week,
       w.baseline_peak, o.bot AS open_result, o.account AS account_open_result, d.today AS account_realised_today,
       m.bot_messages, m.account_messages, m.entries, m.identical,
       EXISTS (SELECT FROM bots_order u WHERE u.account_id = %(account_id)s AND u.state = 'unknown'
               AND u.instrument_id = %(instrument_id)s) AS unknown
FROM (SELECT cleared_at FROM bots_bot WHERE id = %(bot_id)s) b
LEFT JOIN bots_standing s ON s.bot_id = %(bot_id)s
LEFT JOIN bots_performancestate w ON w.bot_id = %(bot_id)s
CROSS JOIN (
    SELECT coalesce(sum(r.result) FILTER (WHERE r.bot_id = %(bot_id)s), 0) AS bot,
           coalesce(sum(r.result), 0) AS account
    FROM (SELECT bot_id, realised_pnl - fees + CASE WHEN side = 'buy' THEN 1 ELSE -1 END
                 * (quantity * coalesce(mark_price, entry_price) - cost) AS result
          FROM bots_position WHERE account_id = %(account_id)s AND closed_at IS NULL) r) o
CROSS JOIN (
    SELECT coalesce(sum(t.realised_day) FILTER (WHERE t.day = %(day_start)s), 0) AS today
    FROM bots_standing t JOIN bots_bot f ON f.id = t.bot_id WHERE f.account_id = %(account_id)s) d
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE r.bot_id = %(bot_id)s AND r.decided_at > %(messages_after)s) AS bot_messages,
           count(*) FILTER (WHERE r.decided_at > %(messages_after)s) AS account_messages,
           count(*) FILTER (WHERE i.is_repeat) AS entries,
           count(*) FILTER (WHERE i.is_repeat AND r.instrument_id = %(instrument_id)s AND r.side = %(side)s
                            AND r.decided_at > %(identical_after)s) AS identical
    FROM bots_order r
    JOIN LATERAL (
        SELECT n.purpose = 'entry' AND n.bot_id = %(bot_id)s
               AND (b.cleared_at IS NULL OR r.created_at > b.cleared_at) AS is_repeat
        FROM bots_intent n WHERE n.id = r.intent_id) i ON true
    WHERE r.account_id = %(account_id)s AND r.decided_at > %(entries_after)s) m
"""

# What else only entries are judged by: cancels as messages, what became of the last orders, orders of the account that
# the entry would trade with, and what all accounts of the mode and quote asset hold together. Cancels are counted by the
# database's clock, which a replay does not share.
ENTRY_BOUNDS = """
SELECT EXISTS (SELECT FROM bots_bot_instruments w JOIN marketdata_instrument n ON n.id = w.instrument_id
               WHERE w.bot_id = b.id AND w.instrument_id = %(instrument_id)s AND n.active) AS is_listed,
       c.bot_cancels, c.account_cancels, k.rejected, k.slipped,
       EXISTS (SELECT FROM bots_order o WHERE o.account_id = b.account_id AND o.instrument_id = %(instrument_id)s
               AND o.state IN ('sending', 'unknown', 'open', 'partial') AND o.order_type = 'limit'
               AND o.side <> %(side)s
               AND CASE WHEN %(side)s = 'buy' THEN o.limit_price <= %(limit_price)s
                        ELSE o.limit_price >= %(limit_price)s END) AS crosses_own,
       CASE WHEN i.maximum_exposure IS NOT NULL THEN
           (SELECT coalesce(sum(p.quantity * coalesce(p.mark_price, p.entry_price)), 0)
            FROM bots_position p JOIN bots_account f ON f.id = p.account_id
            WHERE p.closed_at IS NULL AND (f.mode, f.quote_asset) = (a.mode, a.quote_asset))
           + (SELECT coalesce(sum(t.reserved_left), 0) FROM bots_intent t JOIN bots_account f ON f.id = t.account_id
              WHERE t.closed_at IS NULL AND t.purpose = 'entry' AND (f.mode, f.quote_asset) = (a.mode, a.quote_asset))
       END AS installation_exposure,
       CASE WHEN i.daily_loss_limit > 0 THEN
           (SELECT coalesce(sum(s.realised_day), 0) FROM bots_standing s JOIN bots_bot g ON g.id = s.bot_id
            JOIN bots_account f ON f.id = g.account_id
            WHERE s.day = %(day_start)s AND (f.mode, f.quote_asset) = (a.mode, a.quote_asset))
           + (SELECT coalesce(sum(p.realised_pnl - p.fees + CASE WHEN p.side = 'buy' THEN 1 ELSE -1 END
                                  * (p.quantity * coalesce(p.mark_price, p.entry_price) - p.cost)), 0)
              FROM bots_position p JOIN bots_account f ON f.id = p.account_id
              WHERE p.closed_at IS NULL AND (f.mode, f.quote_asset) = (a.mode, a.quote_asset))
       END AS installation_today,
       CASE WHEN i.daily_loss_limit > 0 THEN
           (SELECT coalesce(sum(q.total), 0) FROM bots_balance q JOIN bots_account f ON f.id = q.account_id
            WHERE q.asset = a.quote_asset AND (f.mode, f.quote_asset) = (a.mode, a.quote_asset))
           + (SELECT coalesce(sum(CASE WHEN p.side = 'buy' THEN 1 ELSE -1 END
                                  * p.quantity * coalesce(p.mark_price, p.entry_price)), 0)
              FROM bots_position p JOIN bots_account f ON f.id = p.account_id
              WHERE p.closed_at IS NULL AND (f.mode, f.quote_asset) = (a.mode, a.quote_asset))
       END AS installation_equity
FROM bots_bot b
JOIN bots_account a ON a.id = b.account_id
JOIN marketdata_exchange e ON e.id = a.exchange_id
CROSS JOIN bots_installation i
LEFT JOIN bots_session s ON s.bot_id = b.id AND s.ended_at IS NULL
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE r.bot_id = b.id) AS bot_cancels, count(*) AS account_cancels FROM bots_order r
    WHERE r.account_id = b.account_id AND e.clock <> 'stream'
      AND r.cancel_requested_at > clock_timestamp() - %(messages_window)s) c
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE r.state = 'rejected') AS rejected,
           count(*) FILTER (WHERE d.price > 0 AND (CASE WHEN r.side = 'buy' THEN 1 ELSE -1 END)
                            * (r.average_price::float8 - d.price) > %(slippage)s * d.price) AS slipped
    FROM (SELECT intent_id, state, side, average_price FROM bots_order
          WHERE bot_id = b.id AND created_at > coalesce(greatest(b.cleared_at, s.started_at), '-infinity')
          ORDER BY created_at DESC LIMIT %(judged_orders)s) r
    JOIN bots_intent t ON t.id = r.intent_id
    JOIN bots_decision d ON d.id = t.decision_id) k
WHERE b.id = %(bot_id)s
"""

DECISION_COLUMNS = """
    id, bot_id, instrument_id, ts_event, created_at, trigger, action, exit_reason, verdict, reasons, price, signal,
    confidence, coverage, multiplier, components, validators, market, trace, reasoning, outlook, repeated
"""
DECISION_VALUES = """
    %(decision_id)s, %(bot_id)s, %(instrument_id)s, %(ts_event)s, clock_timestamp(), %(trigger)s, %(action)s,
    %(decision_exit_reason)s, %(verdict)s, %(reasons)s::jsonb, %(price)s, %(signal)s, %(confidence)s, %(coverage)s,
    %(multiplier)s, %(components)s::jsonb, %(validators)s::jsonb, %(market)s::jsonb, %(trace)s::jsonb, %(reasoning)s,
    %(outlook)s, %(repeated)s
"""

INSERT_DECISION = f"""
INSERT INTO bots_decision ({DECISION_COLUMNS}) VALUES ({DECISION_VALUES}) ON CONFLICT (id) DO NOTHING
"""

# One statement, so that the lease is judged at the last moment before everything is written, or nothing is.
PASS_GATE = f"""
WITH gate AS (
    SELECT clock_timestamp() AS at FROM bots_botlease
    WHERE bot_id = %(bot_id)s AND epoch = %(epoch)s AND holder = %(holder)s
      AND expires_at > clock_timestamp() + %(margin)s
), decision AS (
    INSERT INTO bots_decision ({DECISION_COLUMNS}) SELECT {DECISION_VALUES} FROM gate ON CONFLICT (id) DO NOTHING
), intent AS (
    INSERT INTO bots_intent (
        id, bot_id, account_id, instrument_id, decision_id, position_id, side, purpose, exit_reason, slot, order_type,
        quantity, limit_price, reserved_asset, reserved_amount, reserved_left, stop_loss, take_profit, trailing_stop,
        created_at)
    SELECT %(intent_id)s, %(bot_id)s, %(account_id)s, %(instrument_id)s, %(decision_id)s, %(position_id)s, %(side)s,
        %(purpose)s, %(exit_reason)s, %(slot)s, %(order_type)s, %(quantity)s, %(limit_price)s, %(asset)s,
        %(reserve)s, %(reserve)s, %(stop_loss)s, %(take_profit)s, %(trailing_stop)s, at
    FROM gate
), sending AS (
    INSERT INTO bots_order (
        id, intent_id, attempt, bot_id, account_id, instrument_id, state, side, order_type, quantity, limit_price,
        filled_quantity, commission, commission_asset, venue_order_id, error, cancel_requested, epoch, sign_ts_ms,
        valid_until_ms, payload_hash, decided_at, created_at, updated_at)
    SELECT %(order_id)s, %(intent_id)s, 1, %(bot_id)s, %(account_id)s, %(instrument_id)s, 'sending', %(side)s,
        %(order_type)s, %(quantity)s, %(limit_price)s, 0, 0, '', '', '', false, %(epoch)s, %(sign_ts_ms)s,
        %(valid_until_ms)s, %(payload_hash)s, %(decided_at)s, at, at
    FROM gate
), evidence AS (
    INSERT INTO bots_orderevent (order_id, from_state, to_state, evidence, at)
    SELECT %(order_id)s, 'planned', 'sending', %(gate_evidence)s::jsonb, at FROM gate
), reserved AS (
    UPDATE bots_balance SET reserved = reserved + %(reserve)s
    WHERE account_id = %(account_id)s AND asset = %(asset)s AND EXISTS (SELECT FROM gate)
)
SELECT count(*) AS passed FROM gate
"""

READ_SENDING = """
SELECT o.id FROM bots_order o JOIN bots_intent i ON i.id = o.intent_id
WHERE o.id = %(order_id)s AND i.decision_id = %(decision_id)s AND o.state = 'sending'
"""

# --- Booking what a venue reports -------------------------------------------------------------------------------

LOCK_ORDER = """
SELECT o.id, o.intent_id, o.bot_id, o.account_id, o.instrument_id, o.state, o.side, o.order_type, o.quantity,
       o.limit_price, o.filled_quantity, o.average_price, o.commission, o.commission_asset, o.venue_order_id, o.error,
       o.epoch, o.created_at, i.decision_id, i.purpose, i.exit_reason, i.position_id, i.reserved_asset, i.reserved_left,
       i.closed_at AS intent_closed_at, i.stop_loss, i.take_profit, i.trailing_stop, l.epoch AS lease_epoch,
       l.holder AS lease_holder, n.symbol, n.base, n.quote, n.tick_size, n.lot_size, n.min_quantity, n.max_quantity,
       n.min_notional, e.code AS exchange, clock_timestamp() AS now,
       CASE WHEN %(has_fills)s AND i.purpose = 'entry'
           THEN nextval(pg_get_serial_sequence('bots_position', 'id')) END AS next_position_id
FROM bots_order o
JOIN bots_intent i ON i.id = o.intent_id
JOIN bots_botlease l ON l.bot_id = o.bot_id
JOIN marketdata_instrument n ON n.id = o.instrument_id
JOIN marketdata_exchange e ON e.id = n.exchange_id
WHERE o.id = %(order_id)s
FOR UPDATE OF o FOR SHARE OF l
"""

# What a bot holds that was stopped with the wish to hold nothing is to be closed, whenever it was filled.
POSITION_COLUMNS = """
    p.id, p.bot_id, p.instrument_id, p.side, p.quantity, p.opened_quantity, p.entry_price, p.cost, p.exited_quantity,
    p.exit_price, p.realised_pnl, p.fees, p.stop_price, p.target_price, p.trailing_stop, p.high_water_mark,
    p.mark_price, p.opened_at, p.decision_id,
    coalesce(p.close_requested_at, (SELECT closing_since FROM bots_bot WHERE id = p.bot_id)) AS close_requested_at,
    CASE WHEN EXISTS (SELECT FROM bots_bot WHERE id = p.bot_id AND closing_since IS NOT NULL) THEN 0
         ELSE p.close_to END AS close_to, p.revision
"""

LOCK_OPEN_POSITION = f"""
SELECT {POSITION_COLUMNS} FROM bots_position p
JOIN bots_order o ON o.bot_id = p.bot_id AND o.instrument_id = p.instrument_id
WHERE o.id = %(order_id)s AND p.closed_at IS NULL
FOR UPDATE OF p
"""

# Before they are locked: a row that were missing then would be locked out of order later.
CREATE_BALANCES = """
INSERT INTO bots_balance (account_id, asset, total, reserved)
SELECT o.account_id, needed.asset, 0, 0
FROM bots_order o JOIN marketdata_instrument n ON n.id = o.instrument_id,
     LATERAL (SELECT DISTINCT unnest(array[n.base, n.quote]::text[] || %(fee_assets)s::text[]) AS asset) needed
WHERE o.id = %(order_id)s
ORDER BY needed.asset
ON CONFLICT (account_id, asset) DO NOTHING
"""

LOCK_BALANCES = """
SELECT b.id FROM bots_balance b JOIN bots_order o ON o.account_id = b.account_id
JOIN marketdata_instrument n ON n.id = o.instrument_id
WHERE o.id = %(order_id)s AND (b.asset IN (n.base, n.quote) OR b.asset = ANY(%(fee_assets)s))
ORDER BY b.asset
FOR UPDATE OF b
"""

ORDER_FILLS = "SELECT trade_id FROM bots_fill WHERE order_id = %(order_id)s"

INSERT_EVENT = """
INSERT INTO bots_orderevent (order_id, from_state, to_state, evidence, at)
VALUES (%(order_id)s, %(from_state)s, %(to_state)s, %(evidence)s::jsonb, clock_timestamp())
"""

INSERT_POSITION = """
INSERT INTO bots_position (
    id, bot_id, account_id, instrument_id, side, quantity, opened_quantity, entry_price, cost, exited_quantity,
    exit_price, dust, realised_pnl, fees, stop_price, target_price, trailing_stop, high_water_mark, mark_price,
    marked_at, decision_id, opened_at, closed_at, exit_reason)
VALUES (
    %(position_id)s, %(bot_id)s, %(account_id)s, %(instrument_id)s, %(side)s, %(quantity)s, %(opened_quantity)s,
    %(entry_price)s, %(cost)s, %(exited_quantity)s, %(exit_price)s, %(dust)s, %(realised_pnl)s, %(fees)s,
    %(stop_price)s, %(target_price)s, %(trailing_stop)s, %(high_water_mark)s, %(entry_price)s, %(at)s,
    %(decision_id)s, %(opened_at)s, %(closed_at)s, %(exit_reason)s)
"""

UPDATE_POSITION = """
UPDATE bots_position SET quantity = %(quantity)s, opened_quantity = %(opened_quantity)s, entry_price = %(entry_price)s,
    cost = %(cost)s, exited_quantity = %(exited_quantity)s, exit_price = %(exit_price)s, dust = %(dust)s,
    realised_pnl = %(realised_pnl)s, fees = %(fees)s, stop_price = %(stop_price)s, target_price = %(target_price)s,
    high_water_mark = %(high_water_mark)s, closed_at = %(closed_at)s, exit_reason = %(exit_reason)s
WHERE id = %(position_id)s
"""

INSERT_FILL = """
INSERT INTO bots_fill (
    id, order_id, account_id, instrument_id, position_id, trade_id, side, price, quantity, fee, fee_asset, is_maker,
    ts_event, created_at)
VALUES (
    %(id)s, %(order_id)s, %(account_id)s, %(instrument_id)s, %(position_id)s, %(trade_id)s, %(side)s, %(price)s,
    %(quantity)s, %(fee)s, %(fee_asset)s, %(is_maker)s, %(ts_event)s, clock_timestamp())
"""

INSERT_JOURNAL_LEGS = """
INSERT INTO bots_journalleg (account_id, entry, book, asset, amount, kind, created_at)
SELECT %(account_id)s, legs.entry, legs.book, legs.asset, legs.amount, legs.kind, clock_timestamp()
FROM unnest(%(entries)s::uuid[], %(books)s::text[], %(assets)s::text[], %(amounts)s::numeric[], %(kinds)s::text[])
     AS legs(entry, book, asset, amount, kind)
"""

UPDATE_BALANCE = """
UPDATE bots_balance SET total = total + %(total)s, reserved = reserved + %(reserved)s
WHERE account_id = %(account_id)s AND asset = %(asset)s
"""

UPDATE_ORDER = """
UPDATE bots_order SET state = %(state)s, filled_quantity = %(filled_quantity)s, average_price = %(average_price)s,
    commission = %(commission)s, commission_asset = %(commission_asset)s, venue_order_id = %(venue_order_id)s,
    error = %(error)s, updated_at = clock_timestamp(),
    acknowledged_at = coalesce(acknowledged_at, CASE WHEN %(acknowledged)s THEN clock_timestamp() END),
    filled_at = CASE WHEN %(has_new_fills)s THEN clock_timestamp() ELSE filled_at END,
    execution_ms = CASE WHEN %(has_new_fills)s
        THEN extract(epoch FROM clock_timestamp() - created_at) * 1000 ELSE execution_ms END,
    cancelled_at = CASE WHEN %(cancelled)s THEN clock_timestamp() ELSE cancelled_at END
WHERE id = %(order_id)s
RETURNING execution_ms
"""

UPDATE_INTENT = """
UPDATE bots_intent SET reserved_left = reserved_left - %(released)s,
    closed_at = CASE WHEN %(closed)s THEN coalesce(closed_at, clock_timestamp()) ELSE closed_at END
WHERE id = %(intent_id)s
"""

INSERT_TRADE = """
INSERT INTO bots_trade (
    position_id, bot_id, instrument_id, decision_id, side, quantity, entry_price, exit_price, fees, realised_pnl,
    exit_reason, opened_at, closed_at)
VALUES (
    %(position_id)s, %(bot_id)s, %(instrument_id)s, %(decision_id)s, %(side)s, %(quantity)s, %(entry_price)s,
    %(exit_price)s, %(fees)s, %(net_pnl)s, %(exit_reason)s, %(opened_at)s, %(closed_at)s)
"""

# A trade of an earlier day, told late, is no part of the present one.
ADD_TO_STANDING = """
INSERT INTO bots_standing AS s (
    bot_id, trades, wins, gained, lost, fees, day, realised_day, week, realised_week)
VALUES (%(bot_id)s, 1, %(wins)s, %(gained)s, %(lost)s, %(fees)s, %(day)s, %(net_pnl)s, %(week)s, %(net_pnl)s)
ON CONFLICT (bot_id) DO UPDATE SET
    trades = s.trades + 1, wins = s.wins + excluded.wins, gained = s.gained + excluded.gained,
    lost = s.lost + excluded.lost, fees = s.fees + excluded.fees,
    realised_day = CASE WHEN s.day IS NULL OR excluded.day > s.day THEN excluded.realised_day
                        WHEN excluded.day = s.day THEN s.realised_day + excluded.realised_day ELSE s.realised_day END,
    realised_week = CASE WHEN s.week IS NULL OR excluded.week > s.week THEN excluded.realised_week
                         WHEN excluded.week = s.week THEN s.realised_week + excluded.realised_week
                         ELSE s.realised_week END,
    day = greatest(s.day, excluded.day), week = greatest(s.week, excluded.week)
"""

# --- Marks, halts, requests -------------------------------------------------------------------------------------

# A stop that a person has just set stands, whatever an engine that does not know it yet still saves.
SAVE_MARKS = """
UPDATE bots_position p SET mark_price = m.mark_price, high_water_mark = m.high_water_mark,
    stop_price = CASE WHEN p.revision = m.revision THEN m.stop_price ELSE p.stop_price END, marked_at = m.marked_at
FROM unnest(%(ids)s::bigint[], %(epochs)s::bigint[], %(marks)s::numeric[], %(peaks)s::numeric[], %(stops)s::numeric[],
            %(times)s::timestamptz[], %(revisions)s::integer[])
     AS m(id, epoch, mark_price, high_water_mark, stop_price, marked_at, revision)
JOIN bots_position own ON own.id = m.id
JOIN bots_botlease l ON l.bot_id = own.bot_id AND l.epoch = m.epoch
WHERE p.id = m.id AND p.closed_at IS NULL
RETURNING p.id
"""

HALT_BOT = """
UPDATE bots_bot SET state = 'error', state_reason = %(reason)s, updated_at = clock_timestamp() WHERE id = %(bot_id)s
"""

# For a person to start again: a bot that is stopped, or halted for another reason, stays so.
HALT_LEASED = """
UPDATE bots_bot b SET state = 'error', state_reason = %(reason)s, updated_at = clock_timestamp()
FROM bots_botlease l
WHERE b.id = %(bot_id)s AND l.bot_id = b.id AND l.epoch = %(epoch)s AND b.state IN ('running', 'paused')
RETURNING b.id
"""

RESTRICT_BOT = """
UPDATE bots_bot b SET ladder = %(ladder)s, ladder_reason = %(reason)s, updated_at = clock_timestamp()
FROM bots_botlease l
WHERE b.id = %(bot_id)s AND l.bot_id = b.id AND l.epoch = %(epoch)s AND b.ladder = ANY(%(weaker)s)
RETURNING b.id
"""

RESTRICT_ACCOUNT = """
UPDATE bots_account SET ladder = %(ladder)s, ladder_reason = %(reason)s
WHERE id = %(account_id)s AND ladder = ANY(%(weaker)s)
RETURNING id
"""

# Engines look again at once, and not after their next seconds.
NUDGE = "SELECT pg_notify('bots_changed', %(payload)s)"

AUDIT = """
INSERT INTO bots_auditentry (actor_id, action, target, detail, at)
VALUES (NULL, %(action)s, %(target)s, %(detail)s::jsonb, clock_timestamp())
"""

REQUEST_CANCEL = """
UPDATE bots_order o SET cancel_requested = true, updated_at = clock_timestamp(), cancel_requested_at = clock_timestamp()
FROM bots_botlease l
WHERE o.id = %(order_id)s AND l.bot_id = o.bot_id AND l.epoch = %(epoch)s AND l.holder = %(holder)s
  AND o.state IN ('open', 'partial', 'sending', 'unknown')
RETURNING o.id
"""

# --- Leases -----------------------------------------------------------------------------------------------------

# Bots that somebody must look after: active ones, and whatever holds a position or an order.
CREATE_LEASES = """
INSERT INTO bots_botlease (bot_id, epoch, holder) SELECT id, 0, '' FROM bots_bot ON CONFLICT (bot_id) DO NOTHING
"""

ACQUIRE_LEASES = """
WITH free AS (
    SELECT l.bot_id FROM bots_botlease l JOIN bots_bot b ON b.id = l.bot_id
    WHERE (l.expires_at IS NULL OR l.expires_at < clock_timestamp())
      AND (%(bot_ids)s::bigint[] IS NULL OR l.bot_id = ANY(%(bot_ids)s))
      AND (b.state IN ('running', 'paused')
           OR EXISTS (SELECT FROM bots_position p WHERE p.bot_id = b.id AND p.closed_at IS NULL)
           OR EXISTS (SELECT FROM bots_intent i WHERE i.bot_id = b.id AND i.closed_at IS NULL))
    ORDER BY l.bot_id
    LIMIT %(limit)s
    FOR UPDATE OF l SKIP LOCKED
)
UPDATE bots_botlease l SET epoch = l.epoch + 1, holder = %(holder)s, expires_at = clock_timestamp() + %(ttl)s
FROM free WHERE l.bot_id = free.bot_id
RETURNING l.bot_id, l.epoch
"""

# Only for runs that are known to have ended: the epoch still fences what they might have written.
END_LEASES = """
UPDATE bots_botlease SET holder = '', expires_at = NULL
WHERE starts_with(holder, %(engine)s || ':') AND expires_at > clock_timestamp()
RETURNING bot_id
"""

RENEW_LEASES = """
WITH held AS (
    SELECT l.bot_id FROM bots_botlease l
    JOIN unnest(%(bot_ids)s::bigint[], %(epochs)s::bigint[]) AS t(bot_id, epoch)
      ON t.bot_id = l.bot_id AND t.epoch = l.epoch
    WHERE l.holder = %(holder)s
    FOR UPDATE OF l SKIP LOCKED
)
UPDATE bots_botlease l SET expires_at = clock_timestamp() + %(ttl)s FROM held WHERE l.bot_id = held.bot_id
RETURNING l.bot_id
"""

# A row that a gate holds was skipped by the renewal, but is not lost.
LOST_LEASES = """
SELECT t.bot_id FROM unnest(%(bot_ids)s::bigint[], %(epochs)s::bigint[]) AS t(bot_id, epoch)
LEFT JOIN bots_botlease l ON l.bot_id = t.bot_id AND l.epoch = t.epoch AND l.holder = %(holder)s
WHERE l.bot_id IS NULL
"""

RELEASE_LEASES = """
UPDATE bots_botlease l SET holder = '', expires_at = NULL
FROM unnest(%(bot_ids)s::bigint[], %(epochs)s::bigint[]) AS t(bot_id, epoch)
WHERE l.bot_id = t.bot_id AND l.epoch = t.epoch AND l.holder = %(holder)s
RETURNING l.bot_id
"""
