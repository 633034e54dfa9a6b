"""For the tests of programs that use Lineshaft: a server, a worker that drains, a clock, and what was enqueued.

The pytest plugin (`pytest_lineshaft`) has these as fixtures. Nothing here knows pytest, so other test runners may use it too.
"""

from lineshaft.testing.app_in_test import AppInTest, in_test
from lineshaft.testing.calls import EnqueuedCall
from lineshaft.testing.clock import Clock
from lineshaft.testing.drain import Ran
from lineshaft.testing.eager import eager
from lineshaft.testing.server import running_server

__all__ = ["AppInTest", "Clock", "EnqueuedCall", "Ran", "eager", "in_test", "running_server"]
