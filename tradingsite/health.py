"""Is this process alive, and can it serve: `/livez` and `/readyz`."""

from collections.abc import Callable

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis import RedisError

OK = "ok"


def livez(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process does."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and Redis answer, else 503; the body names each check and its result."""
    checks = {"database": check(database_answers), "redis": check(redis_answers)}
    ready = all(result == OK for result in checks.values())
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


def check(answers: Callable[[], None]) -> str:
    """Run one check; gives "ok" or the name of what went wrong, without details a stranger could use."""
    try:
        answers()
    except (DatabaseError, RedisError, OSError) as error:
        return f"unavailable ({type(error).__name__})"
    return OK


def database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def redis_answers() -> None:
    cache.get("readyz")
