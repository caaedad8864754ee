"""The form of a tenant."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from contivui.web.forms import VerbForm
from tenants.models import Verdict

NAME_HELP = _("Letters, digits, dashes and dots, for example web-1.")


class NameField(forms.CharField):
    """A name as every object has one; what is allowed is decided by the verb."""

    def __init__(self) -> None:
        attrs = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        super().__init__(label=_("Name"), max_length=64, help_text=NAME_HELP, widget=forms.TextInput(attrs))


class TenantForm(VerbForm):
    name = NameField()
    description = forms.CharField(
        label=_("Description"), max_length=200, required=False, help_text=_("What it is for, for those who come later.")
    )
    default_verdict = forms.ChoiceField(
        label=_("By default"),
        choices=[(Verdict.ALLOW.value, _("Allow")), (Verdict.DENY.value, _("Deny"))],
        help_text=_("What happens to a connection that no rule speaks of."),
    )
