"""Look at the finished run in the browser: ``make explore``, or ``python -m stages.explore [--port N]``.

Serves this machine alone, until Ctrl-C. A command, not a stage: it never changes the run.
"""

from __future__ import annotations

import argparse
import socket
import sys
import webbrowser
from pathlib import Path

from stages.running import run_stage, track
from strata.base.errors import StrataError
from strata.base.workspace import store_root
from strata.library.run import Run, open_run

HOST = "127.0.0.1"
PORT = 8765


def main() -> str:
    arguments = _arguments()
    run = open_run(arguments.run)
    if arguments.static:
        return _static(run, arguments.static)
    listening = _listen(arguments.port)
    import uvicorn

    from strata.explore.explorer import Explorer
    from strata.explore.server import make_app

    port = listening.getsockname()[1]
    explorer = Explorer(run, store_root() / "explored", arguments.run / "marks")
    address = f"http://{HOST}:{port}/"
    print(f"explore: {len(explorer.ids)} pictures at {address} (Ctrl-C ends it)", flush=True)
    if arguments.open and sys.stdout.isatty():
        webbrowser.open(address)
    config = uvicorn.Config(make_app(explorer, port), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])
    return f"marks are in {arguments.run / 'marks'}"


def _static(run: Run, folder: Path) -> str:
    """Write the page as a folder; its size is said before anything large is made."""
    from strata.explore.static import size_of_static, write_static

    kept = store_root() / "explored"
    size = size_of_static(run, kept) / 2**20
    print(f"explore: {len(run.ids())} pictures, about {size:.1f} MiB into {folder}", flush=True)
    write_static(run, folder, kept, track)
    return f"open {folder / 'index.html'}"


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except (OSError, OverflowError):
        listening.close()
        raise StrataError(
            f"port {port} cannot be used; is the explorer open already? --port takes another"
        ) from None
    listening.listen(128)
    return listening


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stages.explore", description="Look at the finished run.")
    parser.add_argument("--port", type=int, default=PORT, help="0: any free one")
    parser.add_argument("--static", type=Path, metavar="FOLDER", help="write it as a folder instead")
    parser.add_argument("--run", type=Path, default=Path("."), help="the project's folder")
    parser.add_argument("--no-open", dest="open", action="store_false", help="do not open a browser")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage("explore", main)
