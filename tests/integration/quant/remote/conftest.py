"""Alice, who may ask."""

import pytest


@pytest.fixture
def alice(db):
    from rest_framework.test import APIClient

    from bots.models import User

    user = User.objects.create_user("alice", password="a long enough password")
    api = APIClient(raise_request_exception=False)
    api.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return api
