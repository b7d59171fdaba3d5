"""`python -m wtpd.cli.demo_child PARENT SIGNAL …`: `wtpd …` that ends with the process which started it.

The kernel sends SIGNAL when the parent is gone (`PR_SET_PDEATHSIG`, prctl(2)), so nothing that the demo started
outlives it, even after `kill -9`. Set here and not between fork and exec, where Python code may deadlock.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
ORPHANED = 1


def main() -> None:
    parent, number, *arguments = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != int(parent):  # it ended before the line above
        sys.exit(ORPHANED)
    from wtpd.cli.main import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
