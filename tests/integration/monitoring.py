"""What a server is sent, as its MONITOR tells it."""

import threading

import redis


class commands:  # noqa: N801 - reads as a verb: `with commands(url) as seen`
    """What a server was sent: `with commands(url) as seen: ...`. Each line names its sender: tcp, or lua for a script."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, decode_responses=True)
        self._seen: list[str] = []
        self._monitor = self._client.monitor()

    def __enter__(self) -> list[str]:
        self._monitor.__enter__()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self._seen

    def __exit__(self, *_: object) -> None:
        self._client.echo("the end of watching")
        self._thread.join(10)
        self._monitor.__exit__(None, None, None)
        self._client.close()

    def _listen(self) -> None:
        for entry in self._monitor.listen():
            if "the end of watching" in entry["command"]:
                return
            self._seen.append(f"{entry['client_type']} {entry['command']}")
