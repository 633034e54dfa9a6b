"""Makes `docs` importable, whichever way pytest is started."""

import sys

from .source import ROOT

sys.path.insert(0, str(ROOT))
