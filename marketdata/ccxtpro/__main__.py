"""`python -m marketdata.ccxtpro`: started by the feed, spoken to by `marketdata.ccxtpro.wire`."""

import os
import sys

from marketdata.ccxtpro.child import main

if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # Threads of libraries must not keep the process.
    os._exit(code)
