"""The ledger's invariants as SQL: each statement gives the rows that break one.

Numbered as in the order design. Of a venue's side (I8) here is what engines found; `bots.orders.venue.compare` asks it.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection

from bots.trading.limits import DEFAULT_CONTROLS
from bots.trading.orders import ORDER_EDGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """What must hold, and the statement that finds what does not. Its first column names the row."""

    code: str
    name: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A row that breaks an invariant."""

    code: str
    name: str
    row: str
    detail: str


LIVE = "('planned', 'sending', 'unknown', 'open', 'partial')"

INVARIANTS = (
    Invariant(
        code="I1",
        name="every order passed the gate, and before its first fill",
        sql="""
            SELECT 'order ' || o.id, 'no gate commit in its history, or fills before it'
            FROM bots_order o
            LEFT JOIN bots_orderevent e
                ON e.order_id = o.id AND e.from_state = 'planned' AND e.to_state IN ('sending', 'denied')
            WHERE e.id IS NULL
               OR EXISTS (SELECT FROM bots_fill f WHERE f.order_id = o.id AND f.created_at < e.at)
        """,
    ),
    Invariant(
        code="I2",
        name="fills sum to what orders say is filled, within their quantity",
        sql="""
            SELECT 'order ' || o.id, 'filled ' || o.filled_quantity || ', fills ' || coalesce(f.quantity, 0)
                   || ', ordered ' || o.quantity
            FROM bots_order o
            LEFT JOIN (SELECT order_id, sum(quantity) AS quantity FROM bots_fill GROUP BY order_id) f
                ON f.order_id = o.id
            WHERE coalesce(f.quantity, 0) <> o.filled_quantity OR o.filled_quantity > o.quantity
               OR (o.state = 'filled') <> (o.filled_quantity = o.quantity)
        """,
    ),
    Invariant(
        code="I3",
        name="a venue's trade is booked once",
        sql="""
            SELECT 'fill ' || min(id::text), 'trade ' || trade_id || ' was booked ' || count(*) || ' times'
            FROM bots_fill GROUP BY account_id, instrument_id, trade_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        code="I4",
        name="positions are the sum of their fills less fees in base",
        sql="""
            SELECT 'position ' || p.id, 'holds ' || p.quantity || ' and ' || p.dust || ' dust, fills give '
                   || coalesce(f.held, 0)
            FROM bots_position p
            LEFT JOIN (
                SELECT f.position_id, sum(
                    CASE WHEN f.side = q.side THEN f.quantity ELSE -f.quantity END
                    - CASE WHEN f.fee_asset = n.base
                      THEN f.fee * CASE WHEN q.side = 'buy' THEN 1 ELSE -1 END ELSE 0 END) AS held
                FROM bots_fill f JOIN bots_position q ON q.id = f.position_id
                JOIN marketdata_instrument n ON n.id = f.instrument_id
                GROUP BY f.position_id) f ON f.position_id = p.id
            WHERE coalesce(f.held, 0) <> p.quantity + p.dust
        """,
    ),
    Invariant(
        code="I4",
        name="what bots hold sums to what their account holds",
        sql="""
            SELECT 'account ' || b.account_id, b.asset || ': balance ' || b.total || ', of positions and dust '
                   || coalesce(h.held, 0) || ', otherwise ' || coalesce(j.amount, 0)
            FROM bots_balance b
            JOIN bots_account a ON a.id = b.account_id
            LEFT JOIN (
                SELECT p.account_id, n.base AS asset,
                       sum((p.quantity + p.dust) * CASE WHEN p.side = 'buy' THEN 1 ELSE -1 END) AS held
                FROM bots_position p JOIN marketdata_instrument n ON n.id = p.instrument_id
                GROUP BY 1, 2) h ON h.account_id = b.account_id AND h.asset = b.asset
            LEFT JOIN (
                SELECT l.account_id, l.asset, sum(l.amount) AS amount
                FROM bots_journalleg l
                LEFT JOIN bots_fill f ON f.id = l.entry
                LEFT JOIN marketdata_instrument n ON n.id = f.instrument_id
                WHERE l.book = 'wallet' AND (n.id IS NULL OR n.base <> l.asset)
                GROUP BY 1, 2) j ON j.account_id = b.account_id AND j.asset = b.asset
            WHERE b.total <> coalesce(h.held, 0) + coalesce(j.amount, 0)
        """,
    ),
    Invariant(
        code="I4",
        name="a fill is of the bot, account and instrument of its order and of its position",
        sql="""
            SELECT 'fill ' || f.id, 'of order ' || o.id || ' and position ' || p.id
            FROM bots_fill f
            JOIN bots_order o ON o.id = f.order_id
            JOIN bots_position p ON p.id = f.position_id
            JOIN bots_intent i ON i.id = o.intent_id
            WHERE (f.account_id, f.instrument_id, f.side) <> (o.account_id, o.instrument_id, o.side)
               OR (o.bot_id, o.account_id, o.instrument_id) <> (p.bot_id, p.account_id, p.instrument_id)
               OR (i.purpose = 'entry') <> (f.side = p.side)
        """,
    ),
    Invariant(
        code="I5",
        name="every journal entry is zero for each asset",
        sql="""
            SELECT 'entry ' || entry, asset || ' sums to ' || sum(amount)
            FROM bots_journalleg GROUP BY entry, asset HAVING sum(amount) <> 0
        """,
    ),
    Invariant(
        code="I5",
        name="opening cash and flows, realised PnL less fees, and what positions cost, are closing cash",
        sql="""
            SELECT 'account ' || a.id, a.quote_asset || ': balance ' || b.total || ', explained '
                   || coalesce(j.flows, 0) + coalesce(p.result, 0)
            FROM bots_account a
            JOIN bots_balance b ON b.account_id = a.id AND b.asset = a.quote_asset
            LEFT JOIN (
                SELECT account_id, asset, -sum(amount) AS flows FROM bots_journalleg WHERE book = 'equity'
                GROUP BY 1, 2) j ON j.account_id = a.id AND j.asset = a.quote_asset
            LEFT JOIN (
                SELECT p.account_id, sum(p.realised_pnl - p.fees
                    - p.cost * CASE WHEN p.side = 'buy' THEN 1 ELSE -1 END) AS result
                FROM bots_position p JOIN marketdata_instrument n ON n.id = p.instrument_id
                JOIN bots_account own ON own.id = p.account_id AND own.quote_asset = n.quote
                GROUP BY 1) p ON p.account_id = a.id
            WHERE b.total <> coalesce(j.flows, 0) + coalesce(p.result, 0)
        """,
    ),
    Invariant(
        code="I6",
        name="an intent has at most one live attempt, and is open exactly as long",
        sql=f"""
            SELECT 'intent ' || i.id, count(o.id) || ' live attempts, closed ' || coalesce(i.closed_at::text, 'never')
            FROM bots_intent i
            LEFT JOIN bots_order o ON o.intent_id = i.id AND o.state IN {LIVE}
            GROUP BY i.id HAVING count(o.id) > 1 OR (i.closed_at IS NULL) <> (count(o.id) = 1)
        """,
    ),
    Invariant(
        code="I6",
        name="a decision becomes one intent",
        sql="""
            SELECT 'intent ' || min(id::text), count(*) || ' intents of bot ' || bot_id || ' for the same moment: '
                   || purpose || ' ' || side || ', slot ' || slot
            FROM bots_intent GROUP BY bot_id, instrument_id, side, purpose, slot HAVING count(*) > 1
        """,
    ),
    Invariant(
        code="I6",
        name="exits hold back no more than their position has, and only one is live",
        sql="""
            SELECT 'position ' || i.position_id, count(*) || ' live exits hold back ' || sum(i.reserved_left)
            FROM bots_intent i JOIN bots_position p ON p.id = i.position_id
            WHERE i.purpose = 'exit' AND i.closed_at IS NULL
            GROUP BY i.position_id, p.quantity, p.side
            HAVING count(*) > 1 OR (p.side = 'buy' AND sum(i.reserved_left) > p.quantity)
        """,
    ),
    Invariant(
        code="I7",
        name="an order carries the lease epoch of its gate, which is not of the future",
        sql="""
            SELECT 'order ' || o.id, 'epoch ' || o.epoch || ', gate ' || coalesce(e.evidence ->> 'epoch', 'none')
                   || ', lease ' || coalesce(l.epoch::text, 'none')
            FROM bots_order o
            LEFT JOIN bots_botlease l ON l.bot_id = o.bot_id
            LEFT JOIN bots_orderevent e
                ON e.order_id = o.id AND e.from_state = 'planned' AND e.to_state = 'sending'
            WHERE o.state <> 'denied'
              AND (l.epoch IS NULL OR o.epoch > l.epoch OR (e.evidence ->> 'epoch')::bigint IS DISTINCT FROM o.epoch)
        """,
    ),
    Invariant(
        code="I7",
        name="no order passed its gate after one of a later lease",
        sql="""
            SELECT 'order ' || id, 'epoch ' || epoch || ' after epoch ' || before
            FROM (SELECT id, epoch, lag(epoch) OVER (PARTITION BY bot_id ORDER BY created_at) AS before
                  FROM bots_order WHERE state <> 'denied') o
            WHERE epoch < before
        """,
    ),
    Invariant(
        code="I8",
        name="engines find accounts at real venues as the books have them, and look every minute",
        sql="""
            SELECT 'account ' || a.id, coalesce(nullif(v.problem, ''), 'last reconciled at ' || v.reconciled_at)
            FROM bots_account a JOIN bots_venuestate v ON v.account_id = a.id
            WHERE a.mode <> 'paper'
              AND EXISTS (SELECT FROM bots_bot b JOIN bots_botlease l ON l.bot_id = b.id
                          WHERE b.account_id = a.id AND l.expires_at > clock_timestamp())
              AND (v.problem_since < clock_timestamp() - interval '2 min'
                   OR v.reconciled_at < clock_timestamp() - interval '5 min')
        """,
    ),
    Invariant(
        code="I9",
        name="what accounts hold back is what their live orders need",
        sql="""
            SELECT 'account ' || b.account_id, b.asset || ': holds back ' || b.reserved || ', orders need '
                   || coalesce(r.amount, 0)
            FROM bots_balance b
            JOIN bots_account a ON a.id = b.account_id
            LEFT JOIN (
                SELECT account_id, reserved_asset AS asset, sum(reserved_left) AS amount FROM bots_intent
                WHERE closed_at IS NULL GROUP BY 1, 2) r ON r.account_id = b.account_id AND r.asset = b.asset
            WHERE b.reserved <> coalesce(r.amount, 0) OR b.reserved < 0
               OR (b.reserved > b.total AND a.mode = 'paper')
        """,
    ),
    Invariant(
        code="I9",
        name="with each entry that passed its gate, exposure at its worst was within the limits",
        sql="""
            SELECT 'order ' || order_id, 'exposure of the symbol ' || symbol || ', gross ' || gross || ', equity '
                   || equity
            FROM (SELECT order_id, (evidence -> 'exposure' ->> 'symbol')::numeric AS symbol,
                         (evidence -> 'exposure' ->> 'gross')::numeric AS gross,
                         (evidence -> 'exposure' ->> 'equity')::numeric AS equity
                  FROM bots_orderevent WHERE from_state = 'planned' AND evidence ? 'exposure') e
            WHERE symbol > %(symbol_fraction)s * equity OR gross > %(gross_fraction)s * equity
        """,
    ),
    Invariant(
        code="I9",
        name="a closed intent holds nothing back",
        sql="""
            SELECT 'intent ' || id, 'closed, but holds back ' || reserved_left || ' ' || reserved_asset
            FROM bots_intent WHERE closed_at IS NOT NULL AND reserved_left <> 0
        """,
    ),
    Invariant(
        code="I10",
        name="orders change along legal edges only, without gaps",
        sql="""
            SELECT 'order ' || e.order_id, coalesce(e.before, 'nothing') || ' then ' || e.from_state || ' to '
                   || e.to_state
            FROM (
                SELECT order_id, from_state, to_state,
                       lag(to_state) OVER (PARTITION BY order_id ORDER BY id) AS before
                FROM bots_orderevent WHERE NOT evidence ?| array['stale_epoch', 'refused']) e
            WHERE (e.from_state || '>' || e.to_state) <> ALL (%(edges)s)
               OR e.from_state <> coalesce(e.before, 'planned')
        """,
    ),
    Invariant(
        code="I11",
        name="an order's state is the one its evidence ends in",
        sql="""
            SELECT 'order ' || o.id, 'is ' || o.state || ', evidence says ' || coalesce(e.to_state, 'nothing')
            FROM bots_order o
            LEFT JOIN LATERAL (
                SELECT to_state, evidence FROM bots_orderevent
                WHERE order_id = o.id AND NOT evidence ?| array['stale_epoch', 'refused'] ORDER BY id DESC LIMIT 1) e ON true
            WHERE e.to_state IS DISTINCT FROM o.state OR e.evidence = '{}'::jsonb
        """,
    ),
    Invariant(
        code="I12",
        name="replaying the journal gives the balances",
        sql="""
            SELECT 'account ' || account_id, asset || ': balance ' || coalesce(b.total, 0) || ', journal '
                   || coalesce(j.total, 0)
            FROM bots_balance b
            FULL JOIN (
                SELECT account_id, asset, sum(amount) AS total FROM bots_journalleg WHERE book = 'wallet'
                GROUP BY 1, 2) j USING (account_id, asset)
            WHERE coalesce(b.total, 0) <> coalesce(j.total, 0)
        """,
    ),
    Invariant(
        code="I12",
        name="every fill is in the journal",
        sql="""
            SELECT 'fill ' || f.id, 'wallet legs of ' || n.base || ' sum to ' || coalesce(sum(l.amount), 0)
            FROM bots_fill f
            JOIN marketdata_instrument n ON n.id = f.instrument_id
            LEFT JOIN bots_journalleg l ON l.entry = f.id AND l.book = 'wallet' AND l.asset = n.base
            GROUP BY f.id, n.base
            HAVING coalesce(sum(l.amount), 0) <> f.quantity * CASE WHEN f.side = 'buy' THEN 1 ELSE -1 END
                - CASE WHEN f.fee_asset = n.base THEN f.fee ELSE 0 END
        """,
    ),
    Invariant(
        code="I12",
        name="what positions say was entered and left is what their fills say",
        sql="""
            SELECT 'position ' || p.id, 'entered ' || p.opened_quantity || ' and left ' || p.exited_quantity
                   || ', fills ' || coalesce(f.entered, 0) || ' and ' || coalesce(f.exited, 0)
            FROM bots_position p
            LEFT JOIN (
                SELECT f.position_id, sum(f.quantity) FILTER (WHERE f.side = q.side) AS entered,
                       sum(f.quantity) FILTER (WHERE f.side <> q.side) AS exited
                FROM bots_fill f JOIN bots_position q ON q.id = f.position_id GROUP BY 1) f ON f.position_id = p.id
            WHERE (p.opened_quantity, p.exited_quantity) <> (coalesce(f.entered, 0), coalesce(f.exited, 0))
        """,
    ),
    Invariant(
        code="I12",
        name="an order's commission is the fees of its fills",
        sql="""
            SELECT 'order ' || o.id, 'commission ' || o.commission || ' ' || o.commission_asset || ', fills '
                   || coalesce(f.fee, 0)
            FROM bots_order o
            LEFT JOIN (SELECT order_id, fee_asset, sum(fee) AS fee FROM bots_fill GROUP BY 1, 2) f
                ON f.order_id = o.id AND f.fee_asset = o.commission_asset
            WHERE o.commission <> coalesce(f.fee, 0)
        """,
    ),
    Invariant(
        code="I12",
        name="every closed position is a trade with its result",
        sql="""
            SELECT 'position ' || p.id, 'result ' || p.realised_pnl - p.fees || ', trade '
                   || coalesce(t.realised_pnl::text, 'missing')
            FROM bots_position p LEFT JOIN bots_trade t ON t.position_id = p.id
            WHERE (p.closed_at IS NULL) <> (t.id IS NULL)
               OR (t.id IS NOT NULL AND t.realised_pnl <> p.realised_pnl - p.fees)
        """,
    ),
    Invariant(
        code="I12",
        name="a bot's standing is the sum of its trades",
        sql="""
            SELECT 'bot ' || coalesce(s.bot_id, t.bot_id), 'standing ' || coalesce(s.trades, 0) || ' trades, '
                   || coalesce(s.gained - s.lost, 0) || '; trades ' || coalesce(t.trades, 0) || ', '
                   || coalesce(t.net, 0)
            FROM bots_standing s
            FULL JOIN (
                SELECT bot_id, count(*) AS trades, sum(realised_pnl) AS net, sum(fees) AS fees,
                       count(*) FILTER (WHERE realised_pnl > 0) AS wins
                FROM bots_trade GROUP BY 1) t ON t.bot_id = s.bot_id
            WHERE (coalesce(s.trades, 0), coalesce(s.wins, 0), coalesce(s.gained - s.lost, 0), coalesce(s.fees, 0))
               <> (coalesce(t.trades, 0), coalesce(t.wins, 0), coalesce(t.net, 0), coalesce(t.fees, 0))
        """,
    ),
    Invariant(
        code="I13",
        name="no order is unknown for more than a minute, and none is entered beside it",
        sql="""
            SELECT 'order ' || o.id, 'unknown since ' || o.updated_at
            FROM bots_order o
            WHERE o.state = 'unknown' AND (
                o.updated_at < clock_timestamp() - interval '60 s'
                OR EXISTS (SELECT FROM bots_intent i WHERE i.account_id = o.account_id AND i.purpose = 'entry'
                           AND i.instrument_id = o.instrument_id AND i.id <> o.intent_id
                           AND i.created_at > o.updated_at))
        """,
    ),
)


def legal_edges() -> list[str]:
    return [f"{before.value}>{after.value}" for before, after in ORDER_EDGES]


def broken_invariants() -> list[Broken]:
    """Run every check, each in a snapshot of its own. Empty: the ledger is clean."""
    broken: list[Broken] = []
    values: dict[str, Any] = {
        "edges": legal_edges(),
        "symbol_fraction": DEFAULT_CONTROLS.symbol_exposure_fraction,
        "gross_fraction": DEFAULT_CONTROLS.gross_exposure_fraction,
    }
    with connection.cursor() as cursor:
        for invariant in INVARIANTS:
            cursor.execute(invariant.sql, values)
            broken += [
                Broken(code=invariant.code, name=invariant.name, row=str(row), detail=str(detail))
                for row, detail in cursor.fetchall()
            ]
    return broken
