"""`manage.py doctor`: is everything there that an installation needs."""

from tradingsite.doctor.finding import Finding, Level
from tradingsite.doctor.run import examine

__all__ = ["Finding", "Level", "examine"]
