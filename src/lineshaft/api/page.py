"""The page at `/` and the files that it loads, as any ASGI server gives them. What it shows it asks the API for, like anybody.

Everybody may load it, also where there is a token: it holds no data, and somebody has to be asked for the token.
"""

from mimetypes import guess_type

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from lineshaft.api.guard import PAGE_FILES, PAGE_PATH
from lineshaft.web import Page, load

# Nothing but what this server gives, and no script or style inside the page: what is shown of a task cannot become code.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
ALWAYS_ASK, NEVER_ASK_AGAIN = "no-cache", "public, max-age=31536000, immutable"

NOT_MADE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Lineshaft</title>
<h1>The page was not made</h1>
<p>The API is here and works. In a checkout, <code>python ui/bundle.py</code> makes the page; then start the server again.
A package that was installed from an index has it.</p>
<p>Meanwhile, <code>lineshaft top</code> and <code>lineshaft task ls</code> show the same.</p>
"""


def add_page(api: FastAPI) -> None:
    """Add it; the OpenAPI document leaves it out, since it is for people."""
    page = load()

    async def index(_request: Request) -> Response:
        if page is None:
            return HTMLResponse(NOT_MADE, 503, HEADERS)
        return HTMLResponse(page.index, headers={**HEADERS, "Cache-Control": ALWAYS_ASK})

    async def file(request: Request) -> Response:
        return response_of(page, request.path_params["name"])

    api.add_route(PAGE_PATH, index, methods=["GET"], include_in_schema=False)
    api.add_route(f"{PAGE_FILES}{{name}}", file, methods=["GET"], include_in_schema=False)


def response_of(page: Page | None, name: str) -> Response:
    """One of the files.

    Raises:
        HTTPException: there is none of that name.
    """
    content = page.assets.get(name) if page is not None else None
    if content is None:
        raise HTTPException(404)
    caching = NEVER_ASK_AGAIN if "-" in name else ALWAYS_ASK  # a hash stands after the dash
    headers = {**HEADERS, "Cache-Control": caching}
    return Response(content, media_type=guess_type(name)[0], headers=headers)
