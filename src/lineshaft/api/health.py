"""`/healthz` and `/readyz`: how the server is, for those who probe it."""

from fastapi import FastAPI, Response

from lineshaft.api.json_response import JsonResponse
from lineshaft.api.operations import Operation, add_operations
from lineshaft.api.patience import answered
from lineshaft.api.schemas import Health, Readiness
from lineshaft.app import App


def add_health(api: FastAPI, app: App) -> None:
    """Add them."""

    async def health() -> Response:
        """Asks nobody: restart the API when this does not answer."""
        return JsonResponse({"status": "ok"})

    async def readiness() -> Response:
        """Asks Redis: send no requests while this is refused."""
        await answered(app.client.inspector.ping)
        return JsonResponse({"status": "ready"})

    add_operations(
        api,
        (
            Operation(
                method="GET",
                path="/healthz",
                answer=health,
                model=Health,
                name="getHealth",
                tag="health",
                summary="Is the API there",
                found="It is.",
                refusals=(),
            ),
            Operation(
                method="GET",
                path="/readyz",
                answer=readiness,
                model=Readiness,
                name="getReadiness",
                tag="health",
                summary="Can the API reach Redis",
                found="It can.",
            ),
        ),
    )
