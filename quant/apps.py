from django.apps import AppConfig


class QuantConfig(AppConfig):
    """Events to signals to blend."""

    name = "quant"
    default_auto_field = "django.db.models.BigAutoField"
