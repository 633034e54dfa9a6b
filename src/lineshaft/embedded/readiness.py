"""Asks what is at a port of this machine: a server that is ready, something else, or nothing."""

import socket

LOOPBACK = "127.0.0.1"
ANSWER_TIMEOUT_S = 1.0
PORTS_END = 65536


def ready_pid(port: int) -> int | None:
    """The pid of the server that is ready at `port`, by its own word.

    None where nothing listens, or what listens is still loading its data, wants a password, or is no such server.
    """
    try:
        with socket.create_connection((LOOPBACK, port), timeout=ANSWER_TIMEOUT_S) as connection:
            connection.sendall(b"PING\r\nINFO server\r\n")
            with connection.makefile("rb") as answers:
                if answers.readline(64) != b"+PONG\r\n":
                    return None
                size = answers.readline(64)
                information = answers.read(int(size[1:])) if size[:1] == b"$" else b""
        return _process_id(information)
    except (OSError, ValueError):
        return None


def _process_id(information: bytes) -> int | None:
    for line in information.splitlines():
        name, _, value = line.partition(b":")
        if name == b"process_id":
            return int(value)
    return None


def refusal(port: int) -> str | None:
    """Why a server could not listen at `port`; None where it could."""
    if not 0 < port < PORTS_END:
        return "a port is a number from 1 to 65535"
    with socket.socket() as caller:
        # macOS lets two programs listen, one on all addresses and one on this one, which then hides the other: so call.
        caller.settimeout(ANSWER_TIMEOUT_S)
        if caller.connect_ex((LOOPBACK, port)) == 0:
            return "another program listens there"
    with socket.socket() as listener:
        # As the server does; without this its predecessor's closed connections would keep the port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def free_port() -> int:
    """A port that is free now, by the system's choice; somebody else may still be quicker to take it."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
    return port
