"""RFC 9457 problem documents for every error, with the older fields (`error`, `message`, `details`) beside them."""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import RouteContext, iter_route_contexts
from opentelemetry import trace
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from common.errors import TransientError
from gateway.database import is_away
from gateway.errors import ApiError, MalformedBody, Unavailable, UnsupportedMediaType
from gateway.hub import HubClosed

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:scenario-simulator:problem:"

log = logging.getLogger(__name__)

_SUGGESTIONS = {
    404: "See GET /openapi.json for the paths there are.",
    405: "See GET /openapi.json for the methods this path takes.",
}


def problem(error: ApiError, instance: str) -> Response:
    """The document of `error`, which happened at the path `instance`."""
    headers = {"Cache-Control": "no-store"}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return document(
        error.status,
        title=error.title,
        code=error.code,
        detail=error.detail,
        instance=instance,
        details=error.details,
        suggestion=error.suggestion,
        headers=headers,
    )


def document(
    status: int,
    *,
    title: str,
    code: str,
    detail: str,
    instance: str,
    details: Iterable[Any] | None = None,
    suggestion: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`details` is a list of objects with `field` and `message`, or empty."""
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "error": code,
        "message": detail,
        "details": list(details or ()),
    }
    if suggestion:
        body["suggestion"] = suggestion
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        body["trace_id"] = f"{context.trace_id:032x}"
    content = orjson.dumps(printable(body))
    return Response(content, status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def printable(value: Any) -> Any:
    """The same value without lone surrogates, which a caller can send in JSON and no UTF-8 can carry."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {printable(key): printable(item) for key, item in value.items()}
        case list() | tuple():
            return [printable(item) for item in value]
        case _:
            return value


def install(app: FastAPI) -> None:
    """Have every error of `app` answered with a problem document."""
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(TransientError, _on_transient)
    app.add_exception_handler(HubClosed, _on_stop)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(DBAPIError, _on_database)
    app.add_exception_handler(Exception, _on_bug)


async def _on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return problem(error, request.url.path)


async def _on_transient(request: Request, error: Exception) -> Response:
    assert isinstance(error, TransientError)
    unavailable = Unavailable(str(error))
    unavailable.code = error.code
    return problem(unavailable, request.url.path)


async def _on_stop(request: Request, _: Exception) -> Response:
    return problem(Unavailable("This process is about to stop."), request.url.path)


async def _on_database(request: Request, error: Exception) -> Response:
    if isinstance(error, DBAPIError) and is_away(error):
        return problem(Unavailable("The database cannot be reached."), request.url.path)
    return await _on_bug(request, error)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    if any(item["type"] == "json_invalid" for item in errors):
        return problem(MalformedBody("The body is not valid JSON."), request.url.path)
    if _has_other_media_type(request):
        return problem(UnsupportedMediaType("The body is not declared as JSON."), request.url.path)
    details = [_field(item) for item in errors]
    first = details[0]
    return document(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        title="Validation failed",
        code="validation_error",
        detail=f"{first['field']}: {first['message']}",
        instance=request.url.path,
        details=details,
        suggestion=f"Correct {', '.join(dict.fromkeys(item['field'] for item in details))} and send it again.",
    )


def _has_other_media_type(request: Request) -> bool:
    if request.method not in {"POST", "PUT", "PATCH"}:
        return False
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return not (declared == "application/json" or declared.endswith("+json"))


def _field(item: Mapping[str, Any]) -> dict[str, Any]:
    """Where and what; never the input, which may be huge or secret."""
    path = [str(part) for part in item["loc"] if part not in {"body", "query", "path", "header"}]
    where = ".".join(path)[:200] or str(item["loc"][0])
    allowed = {
        key: value
        for key, value in (item.get("ctx") or {}).items()
        if isinstance(value, int | float | str)
    }
    return {
        "field": where,
        "message": item["msg"],
        "code": item["type"],
        **({"allowed": allowed} if allowed else {}),
    }


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return document(
        status,
        title=status.phrase,
        code=status.name.lower(),
        detail=error.detail
        if error.detail != status.phrase
        else f"{status.phrase}: {request.method} {request.url.path}",
        instance=request.url.path,
        suggestion=_SUGGESTIONS.get(status),
        headers=_headers(request, error),
    )


def _headers(request: Request, error: HTTPException) -> Mapping[str, str] | None:
    """With 405, `Allow` names every method of the path; the router knows only those of its first match."""
    if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return error.headers
    routes = list(iter_route_contexts(request.app.routes))
    matched = next((r for r in routes if _matches(r, request.url.path)), None)
    if matched is None:
        return error.headers
    methods = {m for r in routes if r.path == matched.path for m in r.methods or ()}
    return {"Allow": ", ".join(sorted(methods))}


def _matches(route: RouteContext, path: str) -> bool:
    pattern = getattr(route, "path_regex", None)
    return pattern is not None and pattern.match(path) is not None


async def _on_bug(request: Request, error: Exception) -> Response:
    log.exception("unexpected error", exc_info=error, extra={"path": request.url.path})
    return document(
        500,
        title="Internal error",
        code="internal_error",
        detail="Something went wrong on our side.",
        instance=request.url.path,
        suggestion="Try again; if it stays, report it with the trace_id.",
    )
