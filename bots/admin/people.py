"""People in the admin. Only superusers have a permission for them."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from bots.models import User

admin.site.register(User, UserAdmin)
