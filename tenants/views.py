"""The pages of tenants that are not uniform: choosing one to work in."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from contivui.web.request import PageRequest
from tenants.people import CHOSEN


@require_POST
def choose(request: PageRequest) -> HttpResponse:
    """Work in another tenant, or in all. Lands on the list of what was looked at: the object itself is another's."""
    wanted = request.POST.get("tenant", "")
    keys = {str(tenant.pk): tenant.pk for tenant in request.person.tenants}
    if wanted and wanted not in keys:
        raise Http404
    request.session[CHOSEN] = keys.get(wanted)
    return redirect(section_of(request.POST.get("next", "")))


def section_of(path: str) -> str:
    """ "/networks/7/edit/" → "/networks/". Only letters, so that it never leads to another site."""
    first = path.strip("/").split("/")[0]
    return f"/{first}/" if first.isascii() and first.isalpha() else "/"
