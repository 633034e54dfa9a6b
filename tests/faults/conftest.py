"""The fixtures of the integration tests, for faults too."""

from integration.conftest import _nothing_left_running, journal, make_app, proxy, pytest_pyfunc_call, start_worker, tasks_of

__all__ = ["_nothing_left_running", "journal", "make_app", "proxy", "pytest_pyfunc_call", "start_worker", "tasks_of"]
