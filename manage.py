#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")

    try:
        from tradingsite.commands import run

        run(sys.argv)
    except KeyboardInterrupt:
        # Before a command has begun, or where it does not stop in its own way: no traceback, and what a shell calls it.
        sys.exit(130)
