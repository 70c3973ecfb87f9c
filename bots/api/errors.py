"""Errors as RFC 9457 problem documents: what was wrong, where, and what to do."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, DataError
from django.http import Http404
from redis import RedisError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_exception_handler

from bots.operations.refusals import Refused

CONTENT_TYPE = "application/problem+json"
NOT_FOUND = "There is no such thing, or it is not yours."
NOT_SIGNED_IN = (
    "Sign in, or send `Authorization: Token …` with a token from POST /api/v1/auth/token, which takes your name and "
    "password as HTTP basic authentication."
)
WRONG_PASSWORD = "Name or password is wrong, or the account is locked after too many attempts."
WRONG_TOKEN = "This token is unknown, revoked or expired: sign in and get a new one from POST /api/v1/auth/token."


class Conflict(exceptions.APIException):
    """The request is well formed, but not possible in the present state."""

    status_code = 409
    default_code = "conflict"


class PreconditionFailed(exceptions.APIException):
    status_code = 412
    default_code = "version_changed"


class PreconditionRequired(exceptions.APIException):
    status_code = 428
    default_code = "version_required"


class Unauthenticated(exceptions.AuthenticationFailed):
    """Keeps the WWW-Authenticate that the view chose: a 401 needs one (RFC 9110, 15.5.2)."""

    def __init__(self, detail: str, *, of: exceptions.APIException) -> None:
        super().__init__(detail, code=of.default_code)
        self.auth_header: str | None = getattr(of, "auth_header", None)


class Unprocessable(exceptions.APIException):
    status_code = 422
    default_code = "unprocessable"


class Unavailable(exceptions.APIException):
    status_code = 503
    default_code = "unavailable"


def problem(*, status: int, code: str, detail: str, errors: dict[str, list[str]] | None = None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": f"urn:tradingsite:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return document | ({"errors": errors} if errors else {})


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into a problem document; None for what is a fault of ours."""
    error = translate(error)
    response = rest_exception_handler(error, context)
    if response is None or not isinstance(error, exceptions.APIException):
        return None
    errors = field_errors(error.detail) if isinstance(error, exceptions.ValidationError) else None
    response.data = problem(
        status=response.status_code,
        code=error.default_code if isinstance(error, exceptions.ValidationError) else first_code(error),
        detail=summary(error, errors),
        errors=errors,
    )
    response.content_type = CONTENT_TYPE
    return response


def translate(error: Exception) -> Exception:
    """Django's and the servers' errors as errors of the API."""
    if isinstance(error, Http404):
        return exceptions.NotFound(NOT_FOUND)
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied(str(error) or None)
    if isinstance(error, Refused):
        return Conflict(str(error))
    if isinstance(error, ValidationError):
        return exceptions.ValidationError(messages_of(error))
    if isinstance(error, DataError | ValueError) and "NUL (0x00)" in str(error):
        # PostgreSQL takes no text with it, and not every parameter goes through a field that says so first.
        return exceptions.ValidationError("Null characters are not allowed.")
    if isinstance(error, exceptions.NotAuthenticated):
        return Unauthenticated(NOT_SIGNED_IN, of=error)
    if isinstance(error, exceptions.AuthenticationFailed):
        wrong = WRONG_PASSWORD if "password" in str(error.detail) else WRONG_TOKEN
        return Unauthenticated(wrong, of=error)
    if isinstance(error, RedisError) or (isinstance(error, DatabaseError) and is_connection_error(error)):
        return Unavailable("A server behind this one does not answer. Nothing was changed; try again in a moment.")
    return error


def is_connection_error(error: DatabaseError) -> bool:
    return type(error).__name__ in ("OperationalError", "InterfaceError")


def first_code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else error.default_code


def summary(error: exceptions.APIException, errors: dict[str, list[str]] | None) -> str:
    if errors is None:
        return str(error.detail)
    general = errors.get("non_field_errors", [])
    if general:
        return " ".join(general)
    return f"Not accepted because of {', '.join(errors)}. Nothing was changed."


def field_errors(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """Sentences by field; nested fields as a.b."""
    if isinstance(detail, list):
        flat = [item for item in detail if not isinstance(item, dict | list)]
        found = {prefix or "non_field_errors": [str(item) for item in flat]} if flat else {}
        for index, item in enumerate(detail):
            if isinstance(item, dict | list):
                found |= field_errors(item, f"{prefix}[{index}]")
        return found
    if isinstance(detail, dict):
        merged: dict[str, list[str]] = {}
        for name, inner in detail.items():
            merged |= field_errors(inner, f"{prefix}.{name}" if prefix else str(name))
        return merged
    return {prefix or "non_field_errors": [str(detail)]}


def messages_of(error: ValidationError) -> dict[str, list[str]]:
    """A model's refusals by field, each naming the value and what is allowed."""
    if not hasattr(error, "error_dict"):
        return {"non_field_errors": [sentence(item) for item in error.error_list]}
    return {
        "non_field_errors" if name == "__all__" else name: [sentence(item) for item in items]
        for name, items in error.error_dict.items()
    }


def sentence(error: ValidationError) -> str:
    params = error.params if isinstance(error.params, dict) else {}
    if error.code == "min_value" and "value" in params:
        return f"{params['value']} is too small: at least {params['limit_value']} is allowed."
    if error.code == "max_value" and "value" in params:
        return f"{params['value']} is too large: at most {params['limit_value']} is allowed."
    return " ".join(str(message) for message in error.messages)
