"""Lists a page at a time."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView

MAX_LIMIT = 500


class Pages(CursorPagination):
    """`next` is the address of the following page; rows that arrive meanwhile do not shift it."""

    page_size = 100
    max_page_size = MAX_LIMIT
    page_size_query_param = "limit"
    page_size_query_description = f"Rows on a page, 1 to {MAX_LIMIT}."

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get("limit")
        if text is None:
            return self.page_size
        if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
            raise ValidationError({"limit": [f"{text!r}: allowed is a whole number from 1 to {MAX_LIMIT}."]})
        return int(text)

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView) -> tuple[str, ...]:
        order = getattr(view, "page_order", "-pk")
        return (order,)
