"""Lets `python -m lineshaft` be the command line."""

import sys

from lineshaft.cli import main

if __name__ == "__main__":
    sys.exit(main())
