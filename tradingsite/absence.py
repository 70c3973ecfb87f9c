"""What to say where no servers are known."""

from pathlib import Path

START_IT = "Start it with `make run`, or set DATABASE_URL to the database of a running installation."


def no_servers(local_dir: Path) -> str:
    return f"Nothing runs here: {local_dir} names no servers."
