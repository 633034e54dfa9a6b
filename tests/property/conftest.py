"""The shard of the script tests, for these too."""

from scripts.conftest import make_shard, shard

__all__ = ["make_shard", "shard"]
