"""The administrators' page: how people of this installation sign in."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actions.factors import change_rules, reset_factors
from accounts.models import Authenticator, Rules
from contivui.web.forms import VerbForm
from contivui.web.request import PageRequest


class RulesForm(VerbForm):
    factor_for_administrators = forms.BooleanField(
        label=gettext_lazy("Administrators need a second factor"),
        required=False,
        help_text=gettext_lazy("Who has none sets one up at the next sign-in, before anything else."),
    )


@require_http_methods(["GET", "POST"])
def sign_in(request: PageRequest) -> HttpResponse:
    """The rules, and who has a second factor."""
    request.person.require("user.view" if request.method == "GET" else "user.update")
    form = RulesForm(request, row=Rules.current())
    if request.method == "POST":
        saved, _row = form.run(change_rules, actor=request.person.actor)
        if saved:
            messages.success(request, _("The rules are saved."))
            return redirect("sign_in")
    has_app = Exists(Authenticator.objects.filter(user=OuterRef("pk")))
    people = User.objects.annotate(has_app=has_app, keys=Count("passkeys")).filter(Q(has_app=True) | Q(keys__gt=0))
    context = {"form": form, "people": people.order_by("username"), "topics": []}
    return render(request, "accounts/sign_in.html", context, status=form.status)


@require_POST
def reset(request: PageRequest) -> HttpResponse:
    """Take all second factors from somebody (`user`) who lost them."""
    request.person.require("user.update")
    user = get_object_or_404(User, username=request.POST.get("user", "").replace("\0", ""))
    reset_factors(actor=request.person.actor, user=user)
    messages.success(request, _("%(name)s signs in with the password alone now.") % {"name": user.get_username()})
    return redirect("sign_in")
