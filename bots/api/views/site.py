"""Is it there, which version, how is it."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from redis import RedisError
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.queries.records import time_text

API_VERSION = "1"


def software_version() -> str:
    """As installed, else as the tree says."""
    try:
        return version("tradingsite")
    except PackageNotFoundError:
        return "0.1.0"


class Ping(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=inline_serializer("Ping", {"status": serializers.CharField()}), auth=[])
    def get(self, request: Request) -> Response:
        """Answer, without a look at database or Redis."""
        return Response({"status": "pong"})


class Version(APIView):
    @extend_schema(
        responses=inline_serializer("Version", {"version": serializers.CharField(), "api": serializers.CharField()})
    )
    def get(self, request: Request) -> Response:
        """Version of the software and of the API."""
        return Response({"version": software_version(), "api": API_VERSION})


class Health(APIView):
    @extend_schema(
        responses=inline_serializer(
            "Health",
            {
                "healthy": serializers.BooleanField(),
                "database": serializers.CharField(),
                "redis": serializers.CharField(),
                "at": serializers.DateTimeField(),
            },
        )
    )
    def get(self, request: Request) -> Response:
        """Whether database and Redis answer."""
        checks: dict[str, Any] = {"database": database_health(), "redis": redis_health()}
        healthy = all(state == "ok" for state in checks.values())
        return Response({"healthy": healthy, **checks, "at": time_text(timezone.now())}, status=200 if healthy else 503)


def database_health() -> str:
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        return f"unavailable ({type(error).__name__})"
    return "ok"


def redis_health() -> str:
    try:
        cache.get("health")
    except (RedisError, OSError) as error:
        return f"unavailable ({type(error).__name__})"
    return "ok"
