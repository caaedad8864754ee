"""Who a request of the dialect is from."""

from __future__ import annotations

from django.http import HttpRequest

from tenants.change import Actor

#: How the record names who came by the dialect, and who came without saying who.
VIA, NOBODY = "contiv", "netmaster"


def actor_of(request: HttpRequest) -> Actor:
    """The person a token named, or nobody in particular where the port is open."""
    address = request.META.get("REMOTE_ADDR") or None
    user = getattr(request, "contiv_user", None)
    if user is None:
        return Actor(NOBODY, VIA, None, address)
    return Actor(user.get_username(), VIA, user.pk, address)
