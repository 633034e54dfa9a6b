"""The page on testing does what it says: its code is saved under the names it gives, and pytest runs it in a process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/test-your-tasks.md").read_text()
FILES = dict(re.findall(r'^```python \{title="(\w+\.py)"\}\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL))
SECONDS = 120


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest as a user would, whose warnings are errors and whose state folder can be looked at."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LINESHAFT_", "PYTEST_"))}
    environment.update(XDG_STATE_HOME=str(folder / "state"), PYTHONPATH=str(folder))
    command = [sys.executable, "-m", "pytest", "-p", "pytest_lineshaft", "-p", "no:cacheprovider", "-q", "-W", "error"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder with the page's files."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def test_its_code_runs(saved: Path):
    ran = run_pytest(saved)

    amount = sum(text.count("def test_") for text in FILES.values())
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(rf"\b{amount} passed", ran.stdout), ran.stdout
    assert not (saved / "state").exists()


def test_the_message_it_shows_is_the_one_that_is_given(saved: Path):
    (saved / "test_message.py").write_text(
        "from shop import order, send_mail\n\n"
        "def test_it(tasks):\n"
        "    order('ann@example.org')\n"
        "    tasks.assert_enqueued(send_mail, 'ann@example.org', 'Thanks', queue='mail')\n"
    )

    ran = run_pytest(saved, "test_message.py")

    shown = re.findall(r"^    no such call(?:.*\n    )+.*", PAGE, re.MULTILINE)[0]
    said = "\n".join(line.removeprefix("E").strip() for line in ran.stdout.splitlines() if line.startswith("E"))
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "\n".join(line.strip() for line in shown.splitlines()) in said.replace("AssertionError: ", "")


def test_a_server_of_ones_own_is_used_where_it_is_named(saved: Path, redis_url: str, raw):
    override = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
    conftest = (saved / "conftest.py").read_text() + override.replace("redis://localhost:6379/15", redis_url)
    (saved / "conftest.py").write_text(conftest)

    ran = run_pytest(saved, "test_run.py")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert raw.keys("test-*:task:*:status")


def test_a_run_without_the_fixtures_loads_nothing_of_lineshaft(tmp_path: Path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "import sys\n\ndef test_it():\n    assert [name for name in sys.modules if name.split('.')[0] == 'lineshaft'] == []\n"
    )

    ran = run_pytest(tmp_path)

    assert ran.returncode == 0, ran.stdout + ran.stderr
