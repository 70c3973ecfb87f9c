"""What is looked at before a bot may trade on a sandbox or live account."""
