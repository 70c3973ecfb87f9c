"""What Celery does beside the engines: watch positions, measure performance, check the ledger, keep tables small."""
