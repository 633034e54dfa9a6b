"""The pytest plugin of Lineshaft: fixtures from `lineshaft.testing`.

Pytest imports this wherever Lineshaft is installed, so it stands outside the package and imports nothing of it until a test
asks for a fixture.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lineshaft import App
    from lineshaft.testing import AppInTest


@pytest.fixture(scope="session")
def lineshaft_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of the tests' own, on a free port; it ends with the session."""
    from lineshaft.testing import running_server  # noqa: PLC0415 - see above

    with running_server(tmp_path_factory.mktemp("lineshaft")) as url:
        yield url


@pytest.fixture
def lineshaft_app(lineshaft_server: str) -> Iterator[Callable[..., "AppInTest"]]:
    """Put an app under test until the test ends: `lineshaft_app(app)`; settings may follow, by name."""
    from lineshaft.testing import in_test  # noqa: PLC0415 - see above

    with ExitStack() as stack:

        def put_under_test(app: "App", **settings: Any) -> "AppInTest":
            return stack.enter_context(in_test(app, lineshaft_server, **settings))

        yield put_under_test
