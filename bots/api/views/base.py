"""What views share."""

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request

from bots.api.pagination import Pages
from bots.models import User
from bots.queries.periods import Period

PERIOD = OpenApiParameter("period", str, enum=[str(period) for period in Period], default=str(Period.ALL))


def person(request: Request) -> User:
    return cast(User, request.user)


def period_of(request: Request) -> Period:
    text = request.query_params.get("period", Period.ALL)
    try:
        return Period(text)
    except ValueError:
        raise ValidationError({"period": [f"{text!r}: allowed is one of {', '.join(Period)}."]}) from None


class OwnRows(GenericAPIView[Any]):
    """A generic view of one person's rows: everybody else's are as unknown as those that are not there."""

    rows: QuerySet[Any]
    pagination_class = Pages

    def get_queryset(self) -> QuerySet[Any]:
        # Schema generation asks without a person.
        if getattr(self, "swagger_fake_view", False):
            return self.rows.none()
        rows: QuerySet[Any] = self.rows.all().visible_to(person(self.request))  # type: ignore[attr-defined]
        return rows
