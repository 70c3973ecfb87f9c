"""What an error page shows of a request and of variables: never what was marked sensitive, whatever DEBUG says."""

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class HidingFilter(SafeExceptionReporterFilter):
    """Django's own, on under DEBUG too: keys for venues are real on a developer's machine as well."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True
