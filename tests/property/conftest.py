"""The shard of the script tests, for these too."""

from scripts.conftest import damages_keys, make_shard, shard

__all__ = ["damages_keys", "make_shard", "shard"]
