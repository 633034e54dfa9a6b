"""What the shell offers when Tab is pressed: through the shells' own protocols, and in a bash."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lineshaft.model.lifecycle import Status

from .conftest import SECONDS, Commands, Enqueued


@pytest.fixture
def seeded(lineshaft: Commands, enqueued: Enqueued) -> Commands:
    """One task in each of two queues."""
    enqueued("shop.count", task_id="first-it", queue="mail")
    enqueued("shop.count", task_id="second-it")
    return lineshaft


def offered(commands: Commands, line: str, **env: str) -> list[str]:
    """What bash is offered at the end of this line."""
    ended = commands(_LINESHAFT_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(line.split(" ")) - 1), **env)
    assert (ended.code, ended.err) == (0, ""), ended
    return ended.out.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lineshaft st", ["stats"]),
        ("lineshaft worker l", ["ls"]),
        ("lineshaft worker ls --j", ["--json"]),
        ("lineshaft worker stop --al", ["--all"]),
        ("lineshaft queue p", ["pause", "purge"]),
        ("lineshaft queue pause ", ["default", "mail"]),
        ("lineshaft queue purge m", ["mail"]),
        ("lineshaft worker -q ", ["default", "mail"]),
        ("lineshaft task ls --status c", ["cancelled"]),
        ("lineshaft task ls --status ", [str(word) for word in Status]),
        ("lineshaft task retry --status ", ["failed", "cancelled", "expired", "done"]),
        ("lineshaft task cancel --status pend", ["pending"]),
        ("lineshaft task ls --task shop.a", ["shop.add", "shop.anything"]),
        ("lineshaft enqueue shop.f", ["shop.fail"]),
        ("lineshaft enqueue --app lineshaft.demo:app demo.s", ["demo.sleep"]),
        ("lineshaft --app lineshaft.demo:app enqueue demo.s", ["demo.sleep"]),
        ("lineshaft task show first", ["first-it"]),
        ("lineshaft task cancel first-it s", ["second-it"]),
        ("lineshaft queue pause nope", []),
    ],
)  # fmt: skip
def test_words_that_fit_are_offered(seeded: Commands, line: str, words: list[str]) -> None:
    assert offered(seeded, line) == words


def test_zsh_and_fish_are_offered_the_same(seeded: Commands) -> None:
    arguments = {"_TYPER_COMPLETE_ARGS": "lineshaft queue pause m", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    for shell in ("zsh", "fish"):
        ended = seeded(_LINESHAFT_COMPLETE=f"complete_{shell}", **arguments)
        assert (ended.code, ended.err) == (0, "")
        assert "mail" in ended.out
        assert "default" not in ended.out


@pytest.mark.parametrize(
    "env",
    [{"REDIS_URL": "redis://127.0.0.1:1/0"}, {"REDIS_URL": "nonsense"}, {"REDIS_URL": ""}, {"LINESHAFT_APP": "nope:app"}],
    ids=str,
)
def test_where_there_is_no_server_or_app_nothing_is_offered_and_nothing_said(seeded: Commands, env: dict[str, str]) -> None:
    assert offered(seeded, "lineshaft queue pause ", **env) == []
    assert offered(seeded, "lineshaft task show ", **env) == []


def test_a_server_that_does_not_answer_is_not_waited_for(seeded: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        assert offered(seeded, "lineshaft queue pause ", REDIS_URL=url, LINESHAFT_CALL_TIMEOUT_S=str(2 * SECONDS)) == []


def test_an_app_that_prints_while_it_is_imported_does_not_print_here(seeded: Commands) -> None:
    (seeded.folder / "loud.py").write_text("print('hello')\nfrom shop import app\n")
    assert offered(seeded, "lineshaft queue pause ", LINESHAFT_APP="loud:app") == ["default", "mail"]


def in_bash(commands: Commands, script: str) -> str:
    """What a bash prints that has run this script, with the command on its path and a home of its own."""
    env = {
        **commands.env,
        "HOME": str(commands.folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    bash = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", script], cwd=commands.folder, env=env, capture_output=True, timeout=SECONDS
    )
    assert (bash.returncode, bash.stderr) == (0, b""), bash
    return bash.stdout.decode()


def test_bash_completes_after_it_was_installed(seeded: Commands) -> None:
    assert "bash completion installed in" in in_bash(seeded, "lineshaft --install-completion; true")
    pressed = "COMP_WORDS=(lineshaft queue pause m); COMP_CWORD=3; _lineshaft_completion lineshaft; echo ${COMPREPLY[@]}"
    assert in_bash(seeded, f"source ~/.bashrc; complete -p lineshaft; {pressed}").splitlines() == [
        "complete -o default -F _lineshaft_completion lineshaft",
        "mail",
    ]
