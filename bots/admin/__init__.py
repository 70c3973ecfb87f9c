"""The admin: bots and accounts are managed in it, ledgers are read in it."""

from django.contrib import admin

from bots.admin import accounts, bots, ledger, microprice, people, preflight, venue

__all__ = ["accounts", "bots", "ledger", "microprice", "people", "preflight", "venue"]

admin.site.site_header = "Tradingsite"
admin.site.site_title = "Tradingsite"
admin.site.index_title = "Manage"
admin.site.site_url = "/"
