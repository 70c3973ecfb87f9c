"""Addresses that nobody answers."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import page_not_found

from bots.api.errors import CONTENT_TYPE, problem

NO_SUCH_ADDRESS = "There is no such address in the API; /api/docs/ lists those that there are."


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A problem document below /api/, the site's page elsewhere. A handler: routes would hide redirects to `…/`."""
    if not request.path_info.startswith("/api/"):
        return page_not_found(request, exception)
    status = HTTPStatus.NOT_FOUND
    document = problem(status=status, code="not_found", detail=NO_SUCH_ADDRESS)
    return JsonResponse(document, status=status, content_type=CONTENT_TYPE)
