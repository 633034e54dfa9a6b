"""Lineshaft: a task queue for Python on Redis and Valkey that does not lose work."""

from lineshaft.app import App
from lineshaft.errors import (
    ArgumentError,
    ConfigurationError,
    DamagedRecordError,
    EmbeddedServerError,
    LineshaftError,
    NoServerError,
    OutcomeUnknownError,
    ResultTimeoutError,
    ServerFullError,
    ServerUnavailableError,
    TaskCancelled,
    TaskConflictError,
    TaskEndedError,
    TaskError,
    TaskExpired,
    TaskFailed,
    TaskNotFoundError,
    TaskNotRetriedError,
    UnknownTaskError,
    UnsupportedVersionError,
)
from lineshaft.model.retry import Retry
from lineshaft.model.task import TaskContext
from lineshaft.settings import Settings
from lineshaft.task_function import Call, Task, TaskFunction

__all__ = [
    "App",
    "ArgumentError",
    "Call",
    "ConfigurationError",
    "DamagedRecordError",
    "EmbeddedServerError",
    "LineshaftError",
    "NoServerError",
    "OutcomeUnknownError",
    "ResultTimeoutError",
    "Retry",
    "ServerFullError",
    "ServerUnavailableError",
    "Settings",
    "Task",
    "TaskCancelled",
    "TaskConflictError",
    "TaskContext",
    "TaskEndedError",
    "TaskError",
    "TaskExpired",
    "TaskFailed",
    "TaskFunction",
    "TaskNotFoundError",
    "TaskNotRetriedError",
    "UnknownTaskError",
    "UnsupportedVersionError",
]
