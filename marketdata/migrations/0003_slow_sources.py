from django.db import migrations

from marketdata.models import default_environment

SOURCES = (
    ("binance-futures", "binance-futures"),
    ("deribit", "deribit"),
    ("fear-greed", "fear-greed"),
)
FEEDS = (
    ("coindesk", "https://www.coindesk.com/arc/outboundfeeds/rss/"),
    ("cointelegraph", "https://cointelegraph.com/rss"),
    ("decrypt", "https://decrypt.co/feed"),
    ("the-block", "https://www.theblock.co/rss.xml"),
    ("bitcoin-magazine", "https://bitcoinmagazine.com/feed"),
)


def add_sources(apps, schema_editor):
    """Everything is asked from the first start; real news sites only where real venues are streamed."""
    slow_source = apps.get_model("marketdata", "SlowSource")
    environment = default_environment()
    rows = [slow_source(name=name, kind=kind, environment=environment) for name, kind in SOURCES]
    if environment == "simulated":
        rows.append(slow_source(name="headlines", kind="rss", environment=environment))
    rows += [
        slow_source(name=name, kind="rss", environment="live", url=url, enabled=environment == "live")
        for name, url in FEEDS
    ]
    slow_source.objects.bulk_create(rows, ignore_conflicts=True)


def remove_sources(apps, schema_editor):
    names = [*(name for name, _ in SOURCES), "headlines", *(name for name, _ in FEEDS)]
    apps.get_model("marketdata", "SlowSource").objects.filter(name__in=names).delete()


class Migration(migrations.Migration):
    dependencies = [("marketdata", "0002_every_venue")]

    operations = [migrations.RunPython(add_sources, remove_sources)]
