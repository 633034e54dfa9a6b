"""Runs tasks. Nothing that only enqueues imports this."""

from lineshaft.worker.worker import Worker

__all__ = ["Worker"]
