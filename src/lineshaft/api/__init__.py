"""The API: REST over HTTP, as an ASGI application and as a process of its own."""
