"""What a token of the REST API may do."""

from django.db import models

from bots.models.choices import TokenScope


class TokenGrant(models.Model):
    """The scope and the name of a token. One without a grant is older than scopes, and may do all."""

    token = models.OneToOneField("knox.AuthToken", on_delete=models.CASCADE, primary_key=True, related_name="grant")
    name = models.CharField(max_length=64, blank=True)
    scope = models.CharField(max_length=8, choices=TokenScope)

    def __str__(self) -> str:
        return f"{self.name or 'token'} ({self.scope})"
