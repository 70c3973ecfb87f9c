"""What was looked at before bots traded."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from bots.admin.owned import ReadOnlyAdmin
from bots.models import Bot, PreflightRun

MARKS = {"ok": "✓", "warning": "!", "failed": "✕"}
NEVER = "Never looked at. Tick the bot in the list of bots and choose the action Pre-flight."


def results_table(run: PreflightRun) -> SafeString:
    """A row for each check: mark, name, what was seen, what to do."""
    rows = (
        (found["level"], MARKS[found["level"]], found["level"], found["name"], found["seen"], found["advice"])
        for found in run.results
    )
    return format_html(
        '<table class="preflight"><tbody>{}</tbody></table>',
        format_html_join(
            "",
            '<tr><td class="level-{}">{} {}</td><td>{}</td><td>{}<br><small>{}</small></td></tr>',
            rows,
        ),
    )


def last_preflight(bot: Bot) -> str:
    """The newest run, and whether the bot is still as it was looked at."""
    run = PreflightRun.objects.filter(bot=bot).first()
    if run is None:
        return NEVER
    what = "passed" if run.passed else "failed: the bot does not start" if run.mode != "paper" else "looked at"
    stale = "" if run.is_about(bot) else " The bot or its account was changed since."
    return format_html("{} UTC, {}.{}{}", f"{run.at:%Y-%m-%d %H:%M}", what, stale, results_table(run))


@admin.register(PreflightRun)
class PreflightRunAdmin(ReadOnlyAdmin):
    list_display = ("bot", "at", "mode", "passed", "failing", "asked_by")
    list_filter = ("passed", "mode")
    list_select_related = ("bot", "asked_by")
    search_fields = ("bot__name",)
    fields = ("bot", "account", "mode", "at", "asked_by", "passed", "table")
    readonly_fields = ("table",)

    @admin.display(description="failing")
    def failing(self, run: PreflightRun) -> str:
        return ", ".join(found["name"] for found in run.failures)

    @admin.display(description="results")
    def table(self, run: PreflightRun) -> Any:
        return results_table(run)
