"""`python -m wtpd.daemon [--config FILE]`: the daemon without the command line's libraries."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from wtpd.daemon.main import run

parser = argparse.ArgumentParser(prog="wtpd.daemon")
parser.add_argument("--config", type=Path)
sys.exit(run(os.environ, config=parser.parse_args().config))
