"""The page on which a tenant's quotas are set, and what pages say of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contivui.web.forms import VerbForm
from contivui.web.request import PageRequest
from contivui.web.views import find, saved
from tenants import quotas
from tenants.actions import set_quota
from tenants.models import Tenant

TITLES = {
    "networks": _("Networks"),
    "groups": _("Groups"),
    "endpoints": _("Endpoints"),
    "policies": _("Policies"),
    "rules": _("Rules"),
    "services": _("Services"),
    "bandwidth_bps": _("Bandwidth, bit/s"),
}


class QuotaForm(VerbForm):
    """A number for each thing that can be limited; nothing is any number."""

    def prepare(self) -> None:
        for name in quotas.NAMES:
            self.fields[name] = forms.IntegerField(
                label=TITLES[name],
                min_value=0,
                max_value=quotas.LARGEST,
                required=False,
                widget=forms.NumberInput({"placeholder": gettext("any number")}),
            )
        self.fields["bandwidth_bps"].help_text = _(
            "The sum over all endpoints of the rate their profile gives each. Endpoints without one count nothing."
        )

    def fill(self, row: Tenant) -> dict[str, Any]:
        return {name: row.limits.get(name) for name in quotas.NAMES}


def quota(request: PageRequest, pk: int) -> HttpResponse:
    """Set how much a tenant may have."""
    from tenants.screens import TENANTS

    row = find(request, TENANTS, pk)
    request.person.require("quota.update", row)
    form = QuotaForm(request, tenant=row, row=row)
    if request.method == "POST":
        done, changed = form.run(set_quota, actor=request.person.actor, row=row)
        if done:
            return saved(request, TENANTS, changed, gettext("The quotas of %(name)s are saved.") % {"name": changed})
    context = {"screen": TENANTS, "form": form, "row": row, "topics": []}
    return render(request, "tenants/quota.html", context, status=form.status)


def bars(request: PageRequest, row: Tenant) -> dict[str, Any]:
    """The card of a tenant's page."""
    uses = [(TITLES[use.name], use) for use in quotas.use_of(row)]
    return {"uses": uses, "tenant": row, "able": request.person.may("quota.update", row)}
