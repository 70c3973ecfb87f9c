"""A broker of your own behind HTTP, instead of the exchanges: `docs/broker-api.md` is its contract."""
