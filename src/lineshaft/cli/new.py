"""`lineshaft new`: a small app in a folder of its own, that runs at once."""

import importlib.util
import keyword
import re
import sys
from pathlib import Path
from string import Template
from typing import Annotated

import typer

NAME_FORM = re.compile(r"[a-z][a-z0-9_]{0,63}")
RESERVED = {"conftest", "tests"}  # the folder has these already

TASKS = '''\
"""The app of $name, and its tasks."""

import asyncio
from collections import Counter

from lineshaft import App, Retry

app = App("$name", default_task="greet")  # what `POST /tasks` without a body runs


@app.task(retry=Retry(tries=5), timeout=30)
async def greet(name: str = "world") -> str:
    """An async function shares the worker's loop: right for what waits, as this does."""
    await asyncio.sleep(0.1)
    return f"hello, {name}"


@app.task(queue="reports")
def count_words(text: str) -> dict[str, int]:
    """A plain function runs in a thread: right for what computes or blocks."""
    return dict(Counter(text.lower().split()))
'''

CONFTEST = '''\
"""The app under test: a server of the tests' own, and a new namespace for each test."""

from collections.abc import Callable

import pytest
from lineshaft.testing import AppInTest

from $name.tasks import app


@pytest.fixture
def tasks(lineshaft_app: Callable[..., AppInTest]) -> AppInTest:
    """What a test can do with the app."""
    return lineshaft_app(app)
'''

TEST = '''\
"""The tasks do what they should, when they should."""

from lineshaft.testing import AppInTest

from $name.tasks import count_words, greet


def test_greet(tasks: AppInTest) -> None:
    task = greet.enqueue_sync("Ann")

    tasks.drain_sync()

    assert task.result_sync(timeout=10) == "hello, Ann"


def test_words_are_counted_a_minute_later(tasks: AppInTest) -> None:
    count_words.options(delay=60).enqueue_sync("to be or not to be")
    tasks.assert_enqueued(count_words, "to be or not to be", queue="reports", delay=60)

    assert tasks.drain_sync() == []
    [ran] = tasks.drain_sync(advance=60)

    assert ran.value == {"to": 2, "be": 2, "or": 1, "not": 1}
'''

PYPROJECT = """\
[project]
name = "$name"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["lineshaft[all]"]

[project.optional-dependencies]
test = ["pytest>=8.3"]

[tool.lineshaft]
concurrency = 100  # tasks that one worker runs at a time

[tool.pytest.ini_options]
pythonpath = ["."]
testpaths = ["tests"]
"""

README = """\
# $name

Two tasks, in `$name/tasks.py`. Start the API, a worker and a server for them:

    lineshaft serve $name.tasks:app

In a second terminal, in this folder, have the worker run one:

    lineshaft --app $name.tasks:app enqueue greet name=Ann --wait
    curl -X POST http://localhost:3000/tasks
    lineshaft worker ls

In Python it is `task = await greet.enqueue("Ann")` and `await task.result()`, or `greet.enqueue_sync("Ann")` without a loop.

Run the tests, which bring a server of their own (`pip install pytest` first):

    pytest

In production, set `REDIS_URL` to a Redis or Valkey of yours, and start `lineshaft worker $name.tasks:app` as often as you like.
"""

FILES = {
    "README.md": README,
    "pyproject.toml": PYPROJECT,
    "$name/__init__.py": "",
    "$name/tasks.py": TASKS,
    "tests/conftest.py": CONFTEST,
    "tests/test_tasks.py": TEST,
}

NEXT = """\
made $name/: two tasks, a test of them and a README. Now:

    cd $name
    lineshaft serve $name.tasks:app

and, in a second terminal in that folder:

    lineshaft --app $name.tasks:app enqueue greet name=Ann --wait
    pip install pytest && pytest"""


def new(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", show_default=False, help="The app's name, which its folder and its module will have."),
    ],
) -> None:
    """Write a small app into a new folder: two tasks, a test and a README.

    For example: `lineshaft new shop`
    """
    check(name)
    write(Path(name), name)
    typer.echo(Template(NEXT).substitute(name=name))


def check(name: str) -> None:
    """Refuse a name that no module could have, or that another one has.

    Raises:
        ConfigurationError: it is such a name.
    """
    from lineshaft.errors import ConfigurationError

    if NAME_FORM.fullmatch(name) is None or keyword.iskeyword(name):
        likely = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        usable = NAME_FORM.fullmatch(likely) is not None and not keyword.iskeyword(likely)
        hint = f", such as {likely}" if usable else ", such as shop"
        raise ConfigurationError(
            f"an app cannot be named {name!r}, for its module could not be imported: "
            f"take a letter from a to z, then letters, digits and _{hint}"
        )
    if Path(name).exists():
        raise ConfigurationError(f"there is a {name!r} here already, and nothing was written: take another name, or remove it")
    if name in RESERVED or name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None:
        raise ConfigurationError(
            f"there is a module {name!r} already, which an app of that name would hide: take another, such as my_{name}"
        )


def write(folder: Path, name: str) -> None:
    """Write the files of an app into a folder that is not there yet.

    Raises:
        ConfigurationError: they cannot be written.
    """
    from lineshaft.errors import ConfigurationError

    try:
        folder.mkdir()
        for place, text in FILES.items():
            file = folder / Template(place).substitute(name=name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(Template(text).substitute(name=name), "utf-8")
    except OSError as error:
        raise ConfigurationError(f"the app {name!r} cannot be written here: {error}") from error
