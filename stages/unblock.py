"""Remove DVC's empty lock table, which a killed run may leave: python -m stages.unblock.

DVC keeps ``.dvc/tmp/rwlock`` as JSON and writes it in place: killed at the wrong moment it leaves 0 bytes,
and every later run ends in an error. The file goes only when it is empty and no process is writing it.
"""

from __future__ import annotations

from pathlib import Path

import zc.lockfile

TABLE = Path(".dvc/tmp/rwlock")


def main() -> None:
    """Remove the table if it is empty and the lock that guards it is free."""
    if not _is_empty():
        return
    try:
        guard = zc.lockfile.LockFile(str(TABLE.with_name("rwlock.lock")))
    except zc.lockfile.LockError:
        return  # a living DVC is about to fill it
    try:
        if _is_empty():
            TABLE.unlink()
            print("unblock: an empty .dvc/tmp/rwlock, left by a killed run, is removed")
    finally:
        guard.close()


def _is_empty() -> bool:
    return TABLE.is_file() and TABLE.stat().st_size == 0


if __name__ == "__main__":
    main()
