"""The supervisor as a process of its own: `python -m simulator_cli.stack DATA_DIR [PORT]`."""

import sys
from pathlib import Path

from simulator_cli.stack.layout import Layout
from simulator_cli.stack.supervisor import serve

if __name__ == "__main__":
    port = int(sys.argv[2]) if len(sys.argv) > 2 else None
    sys.exit(serve(Layout(Path(sys.argv[1])), port))
