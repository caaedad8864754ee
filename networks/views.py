"""The one page of networks that is not uniform: the settings all tenants share."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from contivui.web.request import PageRequest
from core import ipam
from networks.actions import update_fabric
from networks.forms import FabricForm
from networks.models import Encap, Fabric
from networks.tags import current_fabric, free_tags, tags_in_use

#: Runs of tags the page names.
NAMED = 12


def fabric(request: PageRequest) -> HttpResponse:
    """Read and change the fabric. For cluster administrators."""
    request.person.require("fabric.view")
    row = current_fabric()
    form = FabricForm(request, row=row)
    if request.method == "POST":
        request.person.require("fabric.update")
        done, _row = form.run(update_fabric, actor=request.person.actor)
        if done:
            messages.success(request, _("The fabric is saved."))
            return redirect("fabric")
    status = 422 if form.errors else 409 if form.problem else 200
    context = {"form": form, "tags": [in_words(row, encap) for encap in Encap], "topics": []}
    return render(request, "networks/fabric.html", context, status=status)


def in_words(row: Fabric, encap: Encap) -> dict[str, Any]:
    """The tags of one encapsulation, as the page says them."""
    used = tags_in_use(encap)
    free = ipam.runs(free_tags(row, encap, NAMED + 1), NAMED)
    return {"title": encap.label, "count": len(used), "used": ipam.describe(used, NAMED), "free": free}
