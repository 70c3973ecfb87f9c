"""What Binance's spot and futures have in common."""
