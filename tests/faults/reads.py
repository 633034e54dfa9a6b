"""What anybody may read of tasks: the client's `result()` for all of them, and the REST API for some."""

import asyncio
import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lineshaft import (
    App,
    LineshaftError,
    ResultTimeoutError,
    ServerUnavailableError,
    Settings,
    TaskCancelled,
    TaskFailed,
    TaskNotFoundError,
)

AGAIN_S = 0.2
ANSWER_S = 10.0


@dataclass(frozen=True)
class Record:
    """What is public of one task: its status, its result, and the type and message of its error.

    `status` is `absent` where there is no such task, and `not ended` where it had not ended in time.
    """

    status: str
    result: Any = None
    error_type: str = ""
    error_message: str = ""

    @property
    def fence(self) -> int | None:
        """The fence of the run that the record is of, as that run itself has told."""
        if isinstance(self.result, dict):
            return self.result.get("fence")
        word, _, number = self.error_message.partition(" ")
        return int(number) if word == "fence" and number.isdigit() else None

    def as_json(self) -> Mapping[str, Any]:
        """As plain values."""
        return asdict(self)


def read_all(url: str, task_ids: Iterable[str], within_s: float) -> dict[str, Record]:
    """Wait for the end of each task, and give what it ended with."""

    async def work() -> dict[str, Record]:
        app = App("auditor", settings=Settings(redis_url=url))
        try:
            deadline_s = asyncio.get_running_loop().time() + within_s
            ids = sorted(set(task_ids))
            return dict(zip(ids, await asyncio.gather(*(_read(app, task_id, deadline_s) for task_id in ids)), strict=True))
        finally:
            await app.close()

    return asyncio.run(work())


async def _read(app: App, task_id: str, deadline_s: float) -> Record:
    while True:
        left_s = max(0.01, deadline_s - asyncio.get_running_loop().time())
        try:
            return Record("done", await app.get_task(task_id).result(left_s))
        except TaskFailed as error:
            return Record("failed", None, error.error_type, error.error_message)
        except TaskCancelled:
            return Record("cancelled")
        except TaskNotFoundError:
            return Record("absent")
        except ResultTimeoutError:
            return Record("not ended")
        except ServerUnavailableError as error:
            if left_s < AGAIN_S:
                return Record("not ended", None, type(error).__name__, str(error))
            await asyncio.sleep(AGAIN_S)
        except LineshaftError as error:
            return Record("unreadable", None, type(error).__name__, str(error))


def read_over_http(port: int, task_ids: Iterable[str]) -> dict[str, Record]:
    """`GET /tasks/{id}` of each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    records = {}
    for task_id in task_ids:
        connection.request("GET", f"/tasks/{task_id}")
        answer = connection.getresponse()
        view = json.loads(answer.read())
        if answer.status == 404:
            records[task_id] = Record("absent")
        elif answer.status != 200:
            records[task_id] = Record("unreadable", None, str(answer.status), json.dumps(view))
        elif view["status"] in {"failed", "done"}:
            error = view["error"] or {"type": "", "message": ""}
            records[task_id] = Record(view["status"], view["result"], error["type"], error["message"])
        else:
            records[task_id] = Record(view["status"])
    connection.close()
    return records
