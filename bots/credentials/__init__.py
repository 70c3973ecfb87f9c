"""Keys of accounts at venues: sealed at rest, opened only to speak to the venue, shown nowhere."""
