"""The page of a person's tokens: hers, and those of tenants she owns. A new one is shown once, in the answer that made
it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from contivui.web.forms import dress
from contivui.web.request import PageRequest
from tenants.credentials import end_token, make_token, tokens_of
from tenants.models import Tenant, TokenRights

RIGHTS = [(TokenRights.WRITE.value, _("Read and change")), (TokenRights.READ.value, _("Read only"))]


class TokenForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=64, help_text=_("What it is for, for example backup."))
    rights = forms.ChoiceField(label=_("Rights"), choices=RIGHTS)
    tenant = forms.ModelChoiceField(
        label=_("For"), queryset=Tenant.objects.none(), required=False, empty_label=_("Myself, all I may")
    )
    days = forms.IntegerField(label=_("Days until it expires"), min_value=1, max_value=3650, initial=90, required=False)

    def __init__(self, tenants: Any, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["tenant"]
        field.queryset = tenants
        for each in self.fields.values():
            dress(each.widget)


@require_http_methods(["GET", "POST"])
def tokens(request: PageRequest) -> HttpResponse:
    """The tokens, a form for one more, and a button that ends each."""
    if "end" in request.POST:
        return _end(request, request.POST["end"].replace("\0", ""))
    form = TokenForm(Tenant.objects.visible_to(request.user), request.POST or None)
    made, text = None, ""
    if request.method == "POST" and form.is_valid():
        made, text = make_token(actor=request.person.actor, user=request.user, **form.cleaned_data)
        form = TokenForm(Tenant.objects.visible_to(request.user))
    context = {"form": form, "made": made, "text": text, "tokens": tokens_of(request.user), "rights": dict(RIGHTS)}
    answer = render(request, "tenants/tokens.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def _end(request: PageRequest, key: str) -> HttpResponse:
    row = tokens_of(request.user).filter(token_key=key).first()
    if row is None:
        raise Http404
    end_token(actor=request.person.actor, user=request.user, row=row)
    return redirect("tokens")
