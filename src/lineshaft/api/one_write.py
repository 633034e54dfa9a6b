"""A transport that sends the head of a response and the body behind it in one go.

uvicorn writes them one after the other, and uvloop makes a system call and a packet of each: measured, that is a tenth of
what a small answer costs, and the client is woken twice.
"""

import asyncio
from typing import Any

HEAD = b"HTTP/1.1 "


class OneWrite(asyncio.Transport):
    """Passes everything on to another transport. A head is held until the next write, or to the end of the loop's turn."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send this, with a head that was held in front of it; hold a head."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        elif bytes(data[: len(HEAD)]) == HEAD:
            self._held = bytes(data)
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Send what is held, then close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever was not sent yet."""
        self._held = b""
        self._transport.abort()

    def get_write_buffer_size(self) -> int:
        """How much the client has not taken in yet."""
        return len(self._held) + self._transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows of itself."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take nothing in for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take in again."""
        self._transport.resume_reading()

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)
