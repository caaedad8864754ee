"""The forms of tenants and their members."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from contivui.web.forms import VerbForm
from core.labels import LabelError, parse, written
from tenants.models import Account, Membership, Verdict
from tenants.people import CLUSTER_ROLES, ROLES

#: A name is no sentence: browsers leave it alone.
PLAIN_TEXT = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
LABELS_HELP = _("Keys and values to find it by, as Kubernetes has them; with commas between.")
NAME_HELP = _("Letters, digits, dashes and dots, for example web-1.")


class NameField(forms.CharField):
    """A name as every object has one; what is allowed is decided by the verb."""

    def __init__(self) -> None:
        super().__init__(label=_("Name"), max_length=64, help_text=NAME_HELP, widget=forms.TextInput(PLAIN_TEXT))


class LabelsField(forms.CharField):
    """Labels as people type them: "tier=web, env=prod"."""

    def __init__(self) -> None:
        attrs = {"placeholder": "tier=web, env=prod", "autocomplete": "off", "spellcheck": "false", "class": "mono"}
        super().__init__(label=_("Labels"), required=False, help_text=LABELS_HELP, widget=forms.TextInput(attrs))

    def prepare_value(self, value: Any) -> Any:
        return written(value) if isinstance(value, dict) else value

    def clean(self, value: Any) -> dict[str, str]:
        try:
            return parse(super().clean(value) or "")
        except LabelError as error:
            raise ValidationError(str(error), code="label") from None


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
    labels = LabelsField()


class AccountForm(VerbForm):
    username = forms.CharField(
        label=_("Name"), max_length=150, help_text=_("The name she signs in with."), widget=forms.TextInput(PLAIN_TEXT)
    )
    first_name = forms.CharField(label=_("First name"), max_length=150, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=150, required=False)
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text=_("She should choose another one when she has signed in."),
    )
    is_active = forms.BooleanField(label=_("May sign in"), required=False, initial=True)
    cluster_role = forms.ChoiceField(
        label=_("Role in the cluster"),
        required=False,
        choices=[("", _("None: what she may is decided in tenants")), *CLUSTER_ROLES.items()],
        help_text=_(
            "An administrator may everything, an auditor sees everything and changes nothing, an operator runs nodes, "
            "the fabric and routing and sees nothing of tenants."
        ),
    )

    def prepare(self) -> None:
        if self.row is not None:
            self.fields["username"].disabled = True
            self.fields["password"].required = False
            self.fields["password"].help_text = _("Leave it empty to keep the one she has.")

    def fill(self, row: Account) -> dict[str, Any]:
        return {name: getattr(row, name) for name in self.base_fields if name != "password"}

    def arguments(self) -> dict[str, Any]:
        given = super().arguments()
        if self.row is not None and not given["password"]:
            del given["password"]
        return given


class PersonField(forms.CharField):
    """Somebody with an account, by name."""

    def clean(self, value: Any) -> User | None:
        name = super().clean(value)
        found = User.objects.filter(username=name, is_active=True).first()
        if name and found is None:
            message = _("Nobody signs in as %(name)s. A cluster administrator makes accounts.")
            raise ValidationError(message, code="unknown", params={"name": name})
        return found


class MemberForm(VerbForm):
    user = PersonField(label=_("Person"), max_length=150, help_text=_("The name she signs in with."))
    role = forms.ChoiceField(
        label=_("Role"),
        choices=list(ROLES.items()),
        help_text=_(
            "A viewer reads, an editor changes what the tenant owns, an owner also decides who its members are."
        ),
    )

    def fill(self, row: Membership) -> dict[str, Any]:
        return {"user": row.user.get_username(), "role": row.role}

    def prepare(self) -> None:
        if self.row is not None:
            self.fields["user"].disabled = True
