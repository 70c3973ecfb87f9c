"""Rows of the trading side, a noun or two a file."""

from bots.models.account import Account, Balance, JournalLeg
from bots.models.audit import AuditEntry
from bots.models.bot import Bot, BotLease, Session
from bots.models.choices import BotState, Evaluation, Mode, SignalSource, SignalStorage, TokenScope
from bots.models.credentials import AccountCredentials, PreflightRun
from bots.models.decision import Decision, Signal
from bots.models.installation import Installation
from bots.models.microprice import MicropriceFit
from bots.models.order import Fill, Intent, Order, OrderEvent
from bots.models.performance import PerformanceSnapshot
from bots.models.position import Position, Trade
from bots.models.standing import PerformanceState, Standing
from bots.models.token import TokenGrant
from bots.models.user import User
from bots.models.venue import ExternalFill, ExternalOrder, VenueCursor, VenueState

__all__ = [
    "Account",
    "AccountCredentials",
    "AuditEntry",
    "Balance",
    "Bot",
    "BotLease",
    "BotState",
    "Decision",
    "Evaluation",
    "ExternalFill",
    "ExternalOrder",
    "Fill",
    "Installation",
    "Intent",
    "JournalLeg",
    "MicropriceFit",
    "Mode",
    "Order",
    "OrderEvent",
    "PerformanceSnapshot",
    "PerformanceState",
    "Position",
    "PreflightRun",
    "Session",
    "Signal",
    "SignalSource",
    "SignalStorage",
    "Standing",
    "TokenGrant",
    "TokenScope",
    "Trade",
    "User",
    "VenueCursor",
    "VenueState",
]
