"""Addresses of the REST API, under /api/."""

from django.urls import URLPattern, URLResolver, include, path

from bots.api.acts import Verb
from bots.api.views import (
    bots,
    docs,
    evidence,
    export,
    ledger,
    live,
    market,
    models,
    performance,
    quant,
    safety,
    site,
    tokens,
    trading,
)

BOT_ACTS = [path(f"bots/<int:bot_id>/{verb}", bots.BotAct.as_view(verb=verb), name=f"bot-{verb}") for verb in Verb]

v1: list[URLPattern | URLResolver] = [
    path("ping", site.Ping.as_view(), name="ping"),
    path("version", site.Version.as_view(), name="version"),
    path("health", site.Health.as_view(), name="health"),
    path("auth/token", tokens.Token.as_view(), name="token"),
    path("bots", bots.BotList.as_view(), name="bots"),
    path("bots/<int:pk>", bots.BotDetail.as_view(), name="bot"),
    *BOT_ACTS,
    path("bots/<int:bot_id>/signals", ledger.BotSignals.as_view(), name="bot-signals"),
    path("bots/<int:bot_id>/decisions", ledger.BotDecisions.as_view(), name="bot-decisions"),
    path("bots/<int:bot_id>/performance", performance.Performance.as_view(), name="bot-performance"),
    path("bots/<int:bot_id>/equity", performance.BotEquity.as_view(), name="bot-equity"),
    path("signals", ledger.SignalList.as_view(), name="signals"),
    path("decisions", ledger.DecisionList.as_view(), name="decisions"),
    path("decisions/<uuid:pk>", ledger.DecisionDetail.as_view(), name="decision"),
    path("orders", ledger.OrderList.as_view(), name="orders"),
    path("orders/<uuid:pk>", ledger.OrderDetail.as_view(), name="order"),
    path("orders/by-client-id/<slug:client_order_id>", ledger.OrderByClientId.as_view(), name="order-by-client-id"),
    path("positions", ledger.PositionList.as_view(), name="positions"),
    path("positions/<int:pk>", ledger.PositionDetail.as_view(), name="position"),
    path("positions/<int:pk>/close", safety.ClosePosition.as_view(), name="position-close"),
    path("trades", ledger.TradeList.as_view(), name="trades"),
    path("trades.csv", export.TradesFile.as_view(), name="trades-csv"),
    path("performance", performance.Performance.as_view(), name="performance"),
    path("equity", performance.Equity.as_view(), name="equity"),
    path("candles", market.Candles.as_view(), name="candles"),
    path("symbols", market.Symbols.as_view(), name="symbols"),
    path("market", market.Market.as_view(), name="market"),
    path("feeds", market.Feeds.as_view(), name="feeds"),
    path("evidence", evidence.EvidenceList.as_view(), name="evidence"),
    path("evidence/recompute", evidence.Recompute.as_view(), name="evidence-recompute"),
    path("models", models.ModelList.as_view(), name="models"),
    path("models/train", models.TrainModel.as_view(), name="model-train"),
    path("models/runs", models.RunList.as_view(), name="model-runs"),
    path("models/runs/<int:pk>", models.RunDetail.as_view(), name="model-run"),
    path("models/runs/<int:pk>/cancel", models.CancelRun.as_view(), name="model-run-cancel"),
    path("models/<int:pk>", models.ModelDetail.as_view(), name="model"),
    *(path(f"models/<int:pk>/{m}", models.MoveModel.as_view(move=m), name=f"model-{m}") for m in models.MOVES),
    path("killswitch", safety.KillSwitch.as_view(), name="killswitch"),
    path("quant/signals", quant.Signals.as_view(), name="quant-signals"),
    path("live/snapshot", live.LiveSnapshot.as_view(), name="live-snapshot"),
]
person: list[URLPattern | URLResolver] = [
    path("start", trading.Start.as_view(), name="trading-start"),
    path("stop", trading.Stop.as_view(), name="trading-stop"),
    path("positions", trading.Positions.as_view(), name="trading-positions"),
    path("performance", performance.Performance.as_view(), name="trading-performance"),
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include((v1, "api"))),
    path("trading/", include((person, "trading"))),
    path("schema/", docs.Schema.as_view(), name="schema"),
    path("docs/", docs.Docs.as_view(), name="docs"),
]
