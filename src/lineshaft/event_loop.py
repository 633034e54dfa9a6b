"""Which event loop the processes of Lineshaft run on: uvloop's where that is installed, else asyncio's own."""

import asyncio
from collections.abc import Callable

try:
    import uvloop
except ImportError:  # an optional extra
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    new_loop = uvloop.new_event_loop
