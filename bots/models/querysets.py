"""Filters that every list of a person's own rows goes through."""

from typing import Any, Self

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models


class OwnedQuerySet(models.QuerySet[Any]):
    """Rows that belong to a person by the model's `owner_path`."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The person's own rows. Superusers too see only their own here; the admin shows them all."""
        return self.filter(**{self.model.owner_path: user.pk})
