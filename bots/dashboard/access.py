"""Who may still be told: sessions end and people are deactivated while their sockets are open."""

from collections.abc import Iterable

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from bots.models import User


def still_allowed(sockets: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
    """Of (user id, session key) pairs, those of active people with a session that holds, in two queries."""
    asked = set(sockets)
    users = {user.pk: user for user in User.objects.filter(pk__in={user_id for user_id, _ in asked}, is_active=True)}
    sessions = Session.objects.filter(session_key__in={key for _, key in asked}, expire_date__gt=timezone.now())
    allowed = set()
    for session in sessions:
        data = session.get_decoded()
        user = users.get(int(data.get(SESSION_KEY, 0)))
        if user is None or (user.pk, session.session_key) not in asked:
            continue
        # A changed password ends every session but the one that changed it.
        if constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
            allowed.add((user.pk, session.session_key))
    return allowed
