"""All checks, in the order in which a person would mend them."""

from collections.abc import Callable, Iterable

from django.conf import settings
from django.core import checks

from tradingsite.doctor import accounts, machine, remote, services, venues
from tradingsite.doctor.finding import Finding, failed, fine


def check_settings() -> Finding:
    """Ranges were checked when the settings loaded; this is Django's own examination of them."""
    problems = [message for message in checks.run_checks() if message.level >= checks.ERROR]
    if problems:
        return failed("settings", str(problems[0].msg), str(problems[0].hint or "See .env.example."))
    return fine("settings", f"in range; local files in {settings.LOCAL_DIR}")


CHECKS: tuple[Callable[[], Finding | list[Finding]], ...] = (
    machine.check_python,
    machine.check_packages,
    check_settings,
    machine.check_disk,
    services.check_database,
    services.check_migrations,
    services.check_redis,
    services.check_clock,
    accounts.check_account_keys,
    machine.check_static_files,
    machine.check_charts,
    machine.check_recordings,
    venues.check_venues,
    venues.check_slow_sources,
    remote.check_remote_services,
)


def examine() -> list[Finding]:
    """Run every check."""
    return list(flattened(check() for check in CHECKS))


def flattened(results: Iterable[Finding | list[Finding]]) -> Iterable[Finding]:
    for result in results:
        yield from result if isinstance(result, list) else [result]
