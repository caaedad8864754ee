"""The pages of invitations: an owner makes one and copies its link; whoever has the link joins."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from contivui.web.forms import VerbForm
from contivui.web.problem import Problem
from contivui.web.request import PageRequest
from contivui.web.views import find
from tenants import invitations
from tenants.change import Actor
from tenants.forms import PLAIN_TEXT
from tenants.models import Invitation, Role, Tenant
from tenants.people import ROLES

#: Where the session keeps the name of an account that was just made with an invitation, for the page it is used on.
JOINED = "joined"


class InvitationForm(VerbForm):
    email = forms.EmailField(
        label=_("E-mail address"), max_length=254, help_text=_("Whom it is for. You send the link yourself.")
    )
    role = forms.ChoiceField(label=_("Role"), choices=list(ROLES.items()), initial=Role.VIEWER.value)
    days = forms.IntegerField(
        label=_("Days until it expires"), min_value=1, max_value=invitations.LONGEST_DAYS, initial=7
    )


class JoinForm(forms.Form):
    username = forms.CharField(
        label=_("Name"),
        max_length=150,
        help_text=_("The name you will sign in with."),
        widget=forms.TextInput({**PLAIN_TEXT, "class": "form-control", "autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        help_text=lazy(lambda: " ".join(password_validators_help_texts()), str)(),
        widget=forms.PasswordInput({"autocomplete": "new-password", "class": "form-control"}),
    )


def invite(request: PageRequest, pk: int) -> HttpResponse:
    """Invite somebody to a tenant. The answer is the only place the link is ever shown in."""
    from tenants.screens import TENANTS

    row = find(request, TENANTS, pk)
    request.person.require("invitation.create", row)
    form, link, made = InvitationForm(request, tenant=row), "", None
    form.focus_first()
    if request.method == "POST":
        done, result = form.run(invitations.invite, actor=request.person.actor, tenant=row)
        if done:
            made, secret = result
            link = request.build_absolute_uri(reverse("invitation", args=[secret]))
    context = {"form": form, "row": row, "link": link, "made": made, "topics": []}
    answer = render(request, "tenants/invite.html", context, status=form.status)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
def withdraw(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Invitation.objects.visible_to(request.user), pk=pk)
    request.person.require("invitation.delete", row.tenant)
    invitations.withdraw(actor=request.person.actor, row=row)
    messages.success(request, gettext("The invitation of %(email)s is withdrawn.") % {"email": row.email})
    return redirect("tenant.detail", row.tenant_id)


@login_not_required
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """What an invitation's link leads to: whoever is signed in joins, others make an account with it."""
    found = invitations.opened(secret)
    signed_in = request.user.is_authenticated
    form, problem = JoinForm(request.POST if request.method == "POST" and not signed_in else None), None
    if request.method == "POST" and found and (signed_in or form.is_valid()):
        problem = _joined(request, secret, form)
        if problem is None and not form.errors:
            messages.success(request, gettext("You are a member of %(tenant)s.") % {"tenant": found.tenant})
            if not signed_in:
                request.session[JOINED] = form.cleaned_data["username"]
            return redirect("overview" if signed_in else "login")
    status = 404 if found is None else 422 if form.errors else 409 if problem else 200
    context = {"invitation": found, "role": ROLES[found.role] if found else "", "form": form, "problem": problem}
    answer = render(request, "tenants/invitation.html", context, status=status)
    answer["Cache-Control"] = "no-store"
    return answer


def _joined(request: HttpRequest, secret: str, form: JoinForm) -> Any:
    """Join; what is wrong with what was typed is at its field by then, another reason is the answer."""
    address = request.META.get("REMOTE_ADDR") or None
    try:
        if request.user.is_authenticated:
            actor = Actor(request.user.get_username(), "page", request.user.pk, address)
            invitations.accept(actor=actor, secret=secret, user=request.user)
        else:
            invitations.join(address=address, secret=secret, **form.cleaned_data)
    except ValidationError as error:
        form.add_error(None, error)
    except Problem as problem:
        return problem
    return None


def open_invitations(request: PageRequest, row: Tenant) -> dict[str, Any] | None:
    """The card of a tenant's page, for its owners."""
    if not request.person.may("invitation.view", row):
        return None
    rows = Invitation.objects.filter(tenant=row).select_related("made_by").order_by("-pk")
    able = request.person.may("invitation.create", row)
    return {"rows": rows, "tenant": row, "able": able, "roles": ROLES}
