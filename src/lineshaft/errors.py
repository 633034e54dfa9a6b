"""Every error that Lineshaft raises on purpose, in one tree.

    LineshaftError
    ├── ConfigurationError            a setting, an option or a place is wrong; the message says which and what to do
    │   ├── NoServerError             no Redis URL is set and no embedded server runs for this project
    │   └── EmbeddedServerError       the embedded server could not be started or is owned by another `serve`
    ├── ArgumentError (TypeError)     arguments do not fit the function, or a value cannot travel as JSON
    ├── UnknownTaskError              no task of that name is registered
    ├── TaskNotFoundError             no record under that id
    ├── TaskConflictError             the id is taken by a task with other content
    ├── TaskEndedError                the task has ended already, so it cannot be cancelled
    ├── TaskNotRetriedError           the task has not ended, or ran again meanwhile, so it was not made ready again
    ├── OutcomeUnknownError           a call was sent and no answer came; the message says how to find out
    ├── ServerUnavailableError        Redis cannot be reached, or answers with a passing error
    │   └── ServerFullError           Redis is at its memory limit and refused new work; nothing was written
    ├── UnsupportedVersionError       a record was written by a newer Lineshaft
    ├── DamagedRecordError            a record in Redis is not what Lineshaft writes
    └── TaskError                     how a task ended, raised where its result was asked for
        ├── TaskFailed                the task is out of tries, or was set aside
        ├── TaskCancelled             the task was cancelled
        └── TaskExpired               the task was not started in time
    ResultTimeoutError (LineshaftError, TimeoutError)   the task had not ended when the time to wait was over

Each message says what happened, to which task or setting, and what to do.
"""


class LineshaftError(Exception):
    """The root: catch it to catch everything that Lineshaft raises on purpose."""


class ConfigurationError(LineshaftError):
    """A setting, an option or a place is wrong."""


class NoServerError(ConfigurationError):
    """No Redis URL is set and no embedded server runs for this project."""


class EmbeddedServerError(ConfigurationError):
    """The embedded server could not be started, or another `serve` owns this project's."""


class ArgumentError(LineshaftError, TypeError):
    """Arguments do not fit the task's function, or a value cannot travel as JSON; `argument` names it where one is to blame."""

    def __init__(self, message: str, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class UnknownTaskError(LineshaftError):
    """No task of that name is registered with the app."""


class TaskNotFoundError(LineshaftError):
    """There is no record under that id: it never was, or it was trimmed after its time."""


class TaskConflictError(LineshaftError):
    """The id is taken by a task with other content; nothing was written."""


class TaskEndedError(LineshaftError):
    """The task has ended already; `status` is the word it ended with."""

    def __init__(self, message: str, status: str = "") -> None:
        super().__init__(message)
        self.status = status


class TaskNotRetriedError(LineshaftError):
    """The task was not made ready again: it has not ended, or it ran again meanwhile; `status` is the word that was seen."""

    def __init__(self, message: str, status: str = "") -> None:
        super().__init__(message)
        self.status = status


class OutcomeUnknownError(LineshaftError):
    """A call may or may not have taken effect: it was sent, and no answer came in time."""


class ServerUnavailableError(LineshaftError):
    """Redis cannot be reached, or is not ready to answer; trying again later is right.

    `sent` says whether the call may have reached the server, and so may have taken effect.
    """

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class ServerFullError(ServerUnavailableError):
    """Redis is at its memory limit and refused new work; nothing was written."""


class UnsupportedVersionError(LineshaftError):
    """A record was written by a newer Lineshaft than this one."""


class DamagedRecordError(LineshaftError):
    """A record in Redis is not what Lineshaft writes."""


class TaskError(LineshaftError):
    """How a task ended, where that was not with a result; `task_id` says which task."""

    def __init__(self, message: str, task_id: str = "") -> None:
        super().__init__(message)
        self.task_id = task_id


class TaskFailed(TaskError):
    """The task failed for good; `error_type`, `error_message` and `traceback` are of its last try."""

    def __init__(
        self, message: str, task_id: str = "", error_type: str = "", error_message: str = "", traceback: str = ""
    ) -> None:
        super().__init__(message, task_id)
        self.error_type = error_type
        self.error_message = error_message
        self.traceback = traceback


class TaskCancelled(TaskError):
    """The task was cancelled before it could end by itself."""


class TaskExpired(TaskError):
    """The task was not started within its time."""


class ResultTimeoutError(LineshaftError, TimeoutError):
    """The task had not ended when the time to wait for it was over, which changes nothing for the task."""
