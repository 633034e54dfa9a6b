"""The fixtures that users get, and an app of the tests' own under test."""

import pytest

from testing.shop import app, lost, sent


@pytest.fixture
def tasks(lineshaft_app):
    """The shop's app under test, with nothing left of the test before."""
    sent.clear()
    lost.clear()
    return lineshaft_app(app)
