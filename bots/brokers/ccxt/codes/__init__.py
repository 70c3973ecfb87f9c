"""What each venue's own codes prove about a request. A code that is in no table proves nothing."""
