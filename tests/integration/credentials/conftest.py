"""Models are imported in the fixtures: this file may be loaded before Django is set up."""

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path, settings):
    """Keys of the installation for one test."""
    settings.LOCAL_DIR = tmp_path / "local"
    settings.ACCOUNT_KEYS = []
    return settings.LOCAL_DIR


@pytest.fixture
def alice(db):
    from bots.models import User

    return User.objects.create_user("alice", password="a long enough password")


@pytest.fixture
def bob(db):
    from bots.models import User

    return User.objects.create_user("bob", password="a long enough password")


@pytest.fixture
def broker(monkeypatch):
    from tests.integration.credentials.cast import SaidVenue

    said = SaidVenue()
    monkeypatch.setattr("bots.credentials.ask.connect_to_venue", said.connect)
    return said
