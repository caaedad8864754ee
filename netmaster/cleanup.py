"""DELETE /debug/epcleanup: plug-ins' endpoints that nothing stands behind any more."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from netmaster.caller import actor_of
from netmaster.endpoints import remove
from netmaster.handling import view
from networks.models import Endpoint

#: The word in the address, and where it leads.
BY = {"net": "network__name", "group": "group__name"}


@view("DELETE")
def cleanup(request: HttpRequest, tenant: str, what: str, name: str) -> HttpResponse:
    """Remove endpoints that a plug-in made, that are on no node, and whose container does not run. The answer says
    nothing: Contiv's does not, either."""
    rows = Endpoint.objects.filter(tenant__name=tenant, node=None, container__running=False)
    if what in BY:
        rows = rows.filter(**{BY[what]: name})
    elif what == "ep":
        rows = rows.filter(Q(name=name) | Q(container__endpoint_name=name))
    else:
        rows = rows.none()
    for row in rows:
        remove(actor_of(request), row)
    answer = HttpResponse()
    del answer["Content-Type"]
    return answer
