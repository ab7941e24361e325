"""`/docs`: the described API to read and to try, from this server alone: no script or style comes from elsewhere.

Open to everybody, as `/openapi.json` is: both are the same for all and stand in the repository. What is tried there asks
with the token that is typed in, or as whoever signed in at the dashboard.
"""

from importlib import resources

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reprise API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# A page of ours says by this header that it sends something, which no form of another page can.
START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    request.headers["X-Requested-With"] = "docs";
    return request;
  },
});
"""
# Swagger UI draws with styles of its own in the page; scripts are its file and ours, nothing written between tags.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}


def page(request: Request) -> Response:
    """The page itself, without anything in it."""
    del request
    return HTMLResponse(PAGE, headers=HEADERS)


def start(request: Request) -> Response:
    """The script that fills it."""
    del request
    return Response(START, media_type="text/javascript", headers=HEADERS)


def asset(request: Request) -> Response:
    """A file of Swagger UI, as `fastapi-offline` brings it."""
    name = request.path_params["name"]
    if name not in ASSETS:
        return Response(status_code=404, headers=HEADERS)
    path = str(resources.files("fastapi_offline").joinpath("static", name))
    return FileResponse(path, media_type=ASSETS[name], headers=HEADERS)


def routes() -> list[BaseRoute]:
    """The page, the script that fills it, and what that is made with."""
    return [Route("/docs", page), Route("/docs/start.js", start), Route("/docs/{name}", asset)]
