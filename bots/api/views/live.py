"""What the live page begins with."""

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.views.base import person
from bots.queries.snapshot import live_snapshot


class LiveSnapshot(APIView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Bots, positions, recent orders, fills and decisions, feeds, performance and kill switch, as they are now."""
        return Response(live_snapshot(person(request), now=timezone.now()))
