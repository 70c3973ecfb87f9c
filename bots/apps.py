"""The bots app."""

from django.apps import AppConfig


class BotsConfig(AppConfig):
    name = "bots"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models cannot be imported before all apps are there.
        from bots.operations.follow_symbols import followers_called
        from marketdata.followers import register_finder

        register_finder(followers_called)
