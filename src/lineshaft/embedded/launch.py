"""Runs a server that ends when its owner ends, whatever ends the owner; run by path, as a program.

    python -I -S launch.py signal <owner's pid> <program> <argument>…
        For Linux: asks the kernel to send SIGTERM when the owner ends (PDEATHSIG), then becomes the program, under
        the same pid. The kernel counts the *thread* that forked as the parent, not its process, so only a thread that
        lives as long as the owner, the main thread, may start this.
    python -I -S launch.py pipe <owner's pid> <program> <argument>…
        Works everywhere: stays, with the program as its child, and reads its standard input, a pipe that the owner
        holds the other end of and never writes to. When that ends, the owner has ended, and the program gets SIGTERM;
        a SIGTERM of its own is passed on too. Exits as the program does (128 + n where signal n ended that).

It imports nothing of Lineshaft, so it is through in some 20 ms.
"""

import os
import select
import signal
import sys
from types import FrameType

PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def become(owner_pid: int, command: list[str]) -> None:
    """Have the kernel send SIGTERM to this process when its parent ends, and turn it into `command`."""
    import ctypes  # noqa: PLC0415  the other mode works in a Python that was built without it

    if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        sys.exit("the system refuses prctl(PR_SET_PDEATHSIG)")
    # An owner that ended before that call sends nothing any more: only now is it sure that its end will be told.
    if os.getppid() != owner_pid:
        sys.exit(f"the owner, process {owner_pid}, has ended already")
    os.execv(command[0], command)  # noqa: S606  EmbeddedServer wrote the list


def watch(command: list[str]) -> int:
    """Run `command` as a child until it ends, sending it SIGTERM when standard input ends; return how to exit."""
    owner_pipe = os.dup(0)  # unlike 0 itself, a duplicate is not inherited by the child
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signals = _signal_pipe()
    child = os.posix_spawn(command[0], command, os.environ)
    watched = [owner_pipe, signals]
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        ready, _, _ = select.select(watched, [], [])
        if owner_pipe in ready and not os.read(owner_pipe, 1024):
            watched.remove(owner_pipe)
            os.kill(child, signal.SIGTERM)
        if signals in ready and signal.SIGTERM in os.read(signals, 1024):
            os.kill(child, signal.SIGTERM)


def _signal_pipe() -> int:
    """A descriptor that yields the number of each SIGTERM and SIGCHLD that arrives, as one byte."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, _noted_in_pipe)
    return reader


def _noted_in_pipe(number: int, frame: FrameType | None) -> None:
    """Does nothing: a signal reaches the pipe only if it has a handler."""


def main(mode: str, owner_pid: str, *command: str) -> int:
    """Run `command` in `mode`; return the exit code, or do not return."""
    # The owner may have blocked or ignored signals, which its children inherit; the server needs these two.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    if mode == "pipe":
        return watch(list(command))
    become(int(owner_pid), list(command))
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
