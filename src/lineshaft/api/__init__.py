"""The REST API, as an ASGI application: `create_api(app)`. `lineshaft serve` runs it in a process of its own.

It goes through the client and the inspector, and never loads what runs tasks.
"""

from lineshaft.api.application import create_api

__all__ = ["create_api"]
