"""The API's description, and a page to try it on."""

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import IsAuthenticated

# Swagger UI writes style attributes and starts from an inline script; no other page is allowed that.
DOCS_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF, UNSAFE_INLINE],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}


class Schema(SpectacularAPIView):
    """OpenAPI 3."""

    permission_classes = (IsAuthenticated,)


@method_decorator(csp(DOCS_POLICY), name="dispatch")
class Docs(SpectacularSwaggerView):
    """Swagger UI from our own files."""

    url_name = "schema"
    permission_classes = (IsAuthenticated,)
