"""The shard that each script is tried on."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from .shard import Shard


@pytest.fixture
def damages_keys() -> bool:
    """Many of these tests do; what scripts give a key is compared with its type in each snapshot."""
    return True


@pytest.fixture
def shard(raw: redis.Redis, broker: Callable[..., Any]) -> Shard:
    """An empty shard without a prefix, with the default settings."""
    return Shard(raw, broker)


@pytest.fixture
def make_shard(raw: redis.Redis, broker: Callable[..., Any]) -> Callable[..., Shard]:
    """Make shards with a namespace or with settings: `make_shard("{s0}", done_kept=2)`."""
    return lambda namespace="", **settings: Shard(raw, broker, namespace, **settings)
