"""The administrators' page of the directory that people may sign in by, and of what its groups bring."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actions.directory import drop_directory, set_directory
from accounts.actions.groups import grant_group, withdraw_group
from accounts.directory import DirectoryAway, try_out
from accounts.models import Directory, GroupGrant
from accounts.views.outside import OutsidePage, settings_page
from contivui.web.forms import VerbForm
from contivui.web.request import PageRequest
from tenants.models import Tenant
from tenants.people import CLUSTER_ROLES, ROLES


class DirectoryForm(VerbForm):
    server = forms.CharField(label=gettext_lazy("Server"), max_length=255, help_text="ldap.example.org")
    port = forms.IntegerField(label=gettext_lazy("Port"), min_value=1, max_value=65535, initial=389)
    base_dn = forms.CharField(label=gettext_lazy("People are below"), max_length=500, help_text="dc=example,dc=org")
    service_account_dn = forms.CharField(label=gettext_lazy("Asked as"), max_length=500)
    service_account_password = forms.CharField(
        label=gettext_lazy("Its password"),
        widget=forms.PasswordInput({"autocomplete": "off"}),
        required=False,
        strip=False,
        help_text=gettext_lazy("Never shown again. Left empty, it stays as it is."),
    )
    start_tls = forms.BooleanField(label="StartTLS", required=False, initial=True)
    insecure_skip_verify = forms.BooleanField(
        label=gettext_lazy("Do not check its certificate"),
        required=False,
        help_text=gettext_lazy("Whoever is between here and there then reads every password."),
    )
    tls_cert_issued_to = forms.CharField(
        label=gettext_lazy("Certificate is issued to"),
        max_length=255,
        required=False,
        help_text=gettext_lazy("When it is another name than the server's."),
    )
    authority = forms.CharField(
        label=gettext_lazy("Who signed it"),
        widget=forms.Textarea({"rows": 4, "spellcheck": "false"}),
        required=False,
        help_text=gettext_lazy("The authority's certificate as PEM, when this machine does not trust it already."),
    )
    name_attribute = forms.CharField(
        label=gettext_lazy("Attribute of the name"),
        max_length=64,
        initial="sAMAccountName",
        help_text="sAMAccountName, uid",
    )
    user_class = forms.CharField(
        label=gettext_lazy("Class of people"), max_length=64, initial="user", help_text="user, inetOrgPerson"
    )

    def fill(self, row: Any) -> dict[str, Any]:
        return {name: value for name, value in super().fill(row).items() if name != "service_account_password"}


class GroupForm(VerbForm):
    group = forms.CharField(
        label=gettext_lazy("Group"), max_length=500, help_text="cn=netadmins,ou=groups,dc=example,dc=org"
    )
    tenant = forms.ModelChoiceField(
        label=gettext_lazy("Tenant"),
        queryset=Tenant.objects.all(),
        required=False,
        empty_label=gettext_lazy("None: a role in the cluster"),
    )
    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=[
            (gettext_lazy("In a tenant"), list(ROLES.items())),
            (gettext_lazy("In the cluster"), list(CLUSTER_ROLES.items())),
        ],
    )


PAGE = OutsidePage(
    "directory", DirectoryForm, Directory.current, set_directory, drop_directory, try_out, away=DirectoryAway
)


@require_http_methods(["GET", "POST"])
def directory(request: PageRequest) -> HttpResponse:
    return settings_page(request, PAGE, lambda: {"grants": _grants()})


def _grants() -> list[tuple[GroupGrant, Any]]:
    """What groups bring, with the roles in words."""
    return [(row, (ROLES | CLUSTER_ROLES)[row.role]) for row in GroupGrant.objects.select_related("tenant")]


@require_http_methods(["GET", "POST"])
def grant(request: PageRequest) -> HttpResponse:
    """What a group brings."""
    request.person.require("user.view" if request.method == "GET" else "user.update")
    form = GroupForm(request)
    if request.method == "POST":
        saved, _row = form.run(grant_group, actor=request.person.actor)
        if saved:
            return redirect("sign_in.directory")
    return render(request, "accounts/grant.html", {"form": form, "topics": []}, status=form.status)


@require_POST
def withdraw(request: PageRequest) -> HttpResponse:
    """End what a group brings (`grant`: its number)."""
    request.person.require("user.update")
    said = request.POST.get("grant", "")
    row = get_object_or_404(GroupGrant, pk=int(said) if said.isascii() and said.isdigit() and len(said) < 18 else 0)
    withdraw_group(actor=request.person.actor, row=row)
    return redirect("sign_in.directory")
