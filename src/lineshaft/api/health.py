"""`/healthz` and `/readyz`: is the API there, and can it do anything."""

from fastapi import FastAPI, Response

from lineshaft.api.document import ASKING, refusals
from lineshaft.api.json_response import JsonResponse
from lineshaft.api.patience import answered
from lineshaft.api.schemas import Health, Readiness
from lineshaft.app import App


def add_health_routes(api: FastAPI, app: App) -> None:
    """Add the two probes."""

    async def health() -> Response:
        """Asks nobody: restart the API when this does not answer."""
        return JsonResponse({"status": "ok"})

    async def readiness() -> Response:
        """Asks Redis: send no requests while this is refused."""
        await answered(app.client.inspector.ping)
        return JsonResponse({"status": "ready"})

    api.add_api_route(
        "/healthz",
        health,
        methods=["GET"],
        response_model=Health,
        operation_id="getHealth",
        tags=["health"],
        summary="Is the API there",
        response_description="It is.",
        responses=refusals(),
    )
    api.add_api_route(
        "/readyz",
        readiness,
        methods=["GET"],
        response_model=Readiness,
        operation_id="getReadiness",
        tags=["health"],
        summary="Can the API reach Redis",
        response_description="It can.",
        responses=refusals(*ASKING),
    )
