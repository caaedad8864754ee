"""The forms of policies, their table of rules, and bandwidth profiles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.formsets import DELETION_FIELD_NAME, TOTAL_FORM_COUNT
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from contivui.web.forms import VerbForm, dress
from core.bandwidth import RateError, format_rate, parse_rate
from networks.forms import offer
from networks.models import EndpointGroup, Network
from policies.actions import id_of
from policies.missing import sentences
from policies.models import Policy, Rule, RuleDirection, RulePeer
from tenants.forms import LabelsField, NameField
from tenants.models import Verdict

#: The classes people know by name (RFC 2474, 2597, 3246), of the 64 there are.
DSCP = {8: "CS1", 10: "AF11", 18: "AF21", 26: "AF31", 34: "AF41", 46: "EF"}
MOST_RULES = 2000


if TYPE_CHECKING:
    GroupBoxes = forms.ModelMultipleChoiceField[EndpointGroup]
    RuleForms = forms.BaseFormSet["RuleForm"]
else:
    GroupBoxes = forms.ModelMultipleChoiceField
    RuleForms = forms.BaseFormSet


class GroupsField(GroupBoxes):
    """Any number of the tenant's groups, as boxes to tick."""

    def __init__(self, help_text: Any) -> None:
        super().__init__(
            label=_("Groups"),
            queryset=EndpointGroup.objects.none(),
            required=False,
            help_text=help_text,
            widget=forms.CheckboxSelectMultiple,
        )


class PolicyForm(VerbForm):
    name = NameField()
    groups = GroupsField(_("Its rules are seen from these groups: “incoming” is what reaches their endpoints."))
    labels = LabelsField()

    def prepare(self) -> None:
        offer(self, "groups", EndpointGroup.objects.filter(tenant=self.tenant))

    def fill(self, row: Policy) -> dict[str, Any]:
        return super().fill(row) | {"groups": [group.pk for group in row.groups.all()]}

    def arguments(self) -> dict[str, Any]:
        return {**self.cleaned_data, "groups": list(self.cleaned_data["groups"])}


class RateField(forms.CharField):
    """Bits per second, typed as people write them."""

    def clean(self, value: Any) -> int | None:
        try:
            text = super().clean(value)
            return parse_rate(text) if text else None
        except RateError as error:
            raise ValidationError(str(error), code="rate") from error


def marks() -> list[tuple[int, str]]:
    return [(number, f"{number} · {DSCP[number]}" if number in DSCP else str(number)) for number in range(64)]


class ProfileForm(VerbForm):
    name = NameField()
    rate_bps = RateField(
        label=_("Rate"),
        max_length=40,
        help_text=_("For each single endpoint, both ways. Bits per second, for example 10 Mbit/s or 1.5G."),
        widget=forms.TextInput({"placeholder": "10 Mbit/s", "autocomplete": "off"}),
    )
    burst_bytes = forms.IntegerField(
        label=_("Burst"),
        required=False,
        min_value=0,
        help_text=_("Bytes that may go at once. Empty or 0: the rate decides."),
    )
    dscp = forms.TypedChoiceField(
        label=_("Priority mark (DSCP)"),
        required=False,
        coerce=int,
        empty_value=None,
        help_text=_("Written into what the endpoints send, for switches that look at it."),
    )
    groups = GroupsField(_("A group has one profile at the most."))
    labels = LabelsField()

    def prepare(self) -> None:
        offer(self, "groups", EndpointGroup.objects.filter(tenant=self.tenant))
        field = self.fields["dscp"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [("", _("leave packets as they are")), *marks()]

    def fill(self, row: Any) -> dict[str, Any]:
        groups = [group.pk for group in row.groups.all()]
        burst = row.burst_bytes or None
        return super().fill(row) | {"rate_bps": format_rate(row.rate_bps), "burst_bytes": burst, "groups": groups}

    def arguments(self) -> dict[str, Any]:
        typed = self.cleaned_data
        return {**typed, "burst_bytes": typed["burst_bytes"] or 0, "groups": list(typed["groups"])}


#: The peer of a rule that misses something, in the page: what it is about stays as it was.
MISSING = "missing"
#: The peers of every page.
EVERYWHERE = ("any", "address")


class Peers:
    """What a rule of a policy may name, read once for the whole table. In the page a peer is one word: its kind, with
    the key of what it names ("any", "group:3", "network:2", "address")."""

    def __init__(self, policy: Policy, rules: Iterable[Rule]) -> None:
        self.missing = {rule.pk: rule for rule in rules if rule.missing}
        self.named: dict[str, EndpointGroup | Network] = {
            f"{kind}:{row.pk}": row
            for kind, model in ((RulePeer.GROUP, EndpointGroup), (RulePeer.NETWORK, Network))
            for row in model.objects.filter(tenant=policy.tenant)
        }

        self.words = {*EVERYWHERE, *self.named}

    def choices(self) -> list[Any]:
        """What can be chosen. A rule that matches nothing can also go on so (MISSING)."""
        return [
            ("any", _("anyone")),
            ("address", _("addresses…")),
            (_("Groups"), self._of(RulePeer.GROUP)),
            (_("Networks"), self._of(RulePeer.NETWORK)),
        ]

    def _of(self, kind: str) -> list[tuple[str, str]]:
        return [(word, row.name) for word, row in self.named.items() if word.startswith(f"{kind}:")]


PEER = ("peer", "peer_group", "peer_network", "peer_addresses")


class SharedChoice(forms.ChoiceField):
    """A choice from a list that is the same in every row: Django would copy it for each."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        memo[id(self.choices)] = self.choices
        return super().__deepcopy__(memo)


class PeerField(SharedChoice):
    """A peer as one word. What the page offers is drawn once (policies.drawing), so a row only knows the words."""

    offered: Collection[str] = EVERYWHERE

    def valid_value(self, value: Any) -> bool:
        return value in self.offered


class RuleForm(forms.Form):
    """One row of the table."""

    id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    action = SharedChoice(
        label=_("Verdict"), choices=[(Verdict.ALLOW.value, _("Allow")), (Verdict.DENY.value, _("Deny"))]
    )
    direction = SharedChoice(
        label=_("Direction"),
        choices=[(RuleDirection.IN.value, _("Incoming")), (RuleDirection.OUT.value, _("Outgoing"))],
    )
    peer = PeerField(label=_("Peer"))
    peer_addresses = forms.CharField(
        label=_("Addresses"),
        required=False,
        max_length=1000,
        widget=forms.TextInput({"placeholder": "10.0.0.0/8, 20.1.1.5-20.1.1.9", "class": "mono"}),
    )
    own_addresses = forms.CharField(
        label=_("Only these of the own side"),
        required=False,
        max_length=1000,
        widget=forms.TextInput({"placeholder": "20.1.1.5", "class": "mono"}),
    )
    protocol = forms.CharField(
        label=_("Protocol"),
        max_length=4,
        initial="any",
        widget=forms.TextInput({"list": "protocols"}),
    )
    ports = forms.CharField(
        label=_("Ports"), required=False, max_length=500, widget=forms.TextInput({"placeholder": "80, 8000-8100"})
    )
    priority = forms.IntegerField(
        label=_("Priority"), initial=1, widget=forms.NumberInput({"min": 1, "max": 100, "class": "short"})
    )
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=64,
        widget=forms.TextInput({"class": "wide", "placeholder": _("Name")}),
    )
    description = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=200,
        widget=forms.TextInput({"class": "wide", "placeholder": _("Note")}),
    )
    labels = LabelsField()

    def __init__(self, *args: Any, peers: Peers, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Every row is a rule: one that is sent with nothing in it lacks everything.
        self.empty_permitted = False
        self.peers = peers
        self.key = id_of(str(self.said("id") or ""))
        self.lost = peers.missing.get(self.key)
        self.why = sentences(self.lost) if self.lost else []
        self.fields["peer"].offered = {*peers.words, MISSING} if self.lost else peers.words  # type: ignore[attr-defined]

    def said(self, name: str) -> Any:
        """What stands in a field. Where nothing was typed it is what the row began with, and is had without the object
        that Django makes of each field to ask it."""
        if self.is_bound:
            return self[name].value()
        field = self.fields[name]
        return field.prepare_value(self.get_initial_for_field(field, name))

    def entry(self) -> dict[str, Any]:
        """The row as the verb takes it."""
        typed = self.cleaned_data
        kind, thing = typed["peer"].partition(":")[0], self.peers.named.get(typed["peer"])
        said = (
            "name",
            "action",
            "direction",
            "protocol",
            "ports",
            "priority",
            "description",
            "labels",
            "own_addresses",
        )
        plain = {name: typed[name] for name in ("id", *said)}
        if kind == MISSING and self.lost is not None:
            # Its protocol and ports are as typed: another one takes the place of the one that is missing.
            return plain | {name: getattr(self.lost, name) for name in (*PEER, "missing")}
        return plain | {
            "missing": {},
            "peer": kind,
            "peer_group": thing if kind == RulePeer.GROUP else None,
            "peer_network": thing if kind == RulePeer.NETWORK else None,
            "peer_addresses": typed["peer_addresses"] if kind in (RulePeer.ADDRESS, RulePeer.GROUP) else "",
        }


class RuleTable(RuleForms):
    """All rules of a policy, edited in place and saved in one go."""

    default_error_messages: ClassVar = {"too_many_forms": _("A table has at most %(num)d rules.")}

    def total_form_count(self) -> int:
        """No more rows than something came of: how many there are to be drawn is not for a number to say."""
        said = super().total_form_count()
        if not self.is_bound:
            return said
        return sum(self.add_prefix(row) in self._sent for row in range(said))

    @cached_property
    def _sent(self) -> set[str]:
        """The prefixes of all fields that came."""
        return {name.rpartition("-")[0] for name in self.data}

    def clean(self) -> None:
        said, came = self.management_form.cleaned_data[TOTAL_FORM_COUNT] or 0, self.total_form_count()
        if said > came:
            says = _("The table should have %(said)d rows, and %(came)d came. Open the page anew and try again.")
            raise ValidationError(says, code="rows", params={"said": said, "came": came})

    def readable(self) -> list[RuleForm]:
        """The rows that stay and could be read: all that stay, where the table is valid."""
        return [form for form in self.forms if form.is_valid() and not form.cleaned_data.get(DELETION_FIELD_NAME)]

    def blame(self, error: ValidationError, rows: Sequence[RuleForm]) -> list[str]:
        """Put each error of the verb ("rules.2.ports"), which was given these rows, at its row and field. Answers those
        of no row."""
        general: list[str] = []
        for place, errors in error.update_error_dict({}).items():
            words = place.split(".")
            if len(words) == 3 and words[1].isdecimal():
                form = rows[int(words[1])]
                name = words[2] if words[2] in form.fields else "peer"
                form.add_error(name, errors)
            else:
                general += ValidationError(errors).messages
        return general


#: Makes a table; Django adds to the class what its options say.
rule_table = cast(
    "type[RuleTable]",
    forms.formset_factory(RuleForm, formset=RuleTable, extra=0, can_delete=True, max_num=MOST_RULES, validate_max=True),
)


def shown(rule: Rule) -> dict[str, Any]:
    """A rule as the table edits it."""
    keys = {RulePeer.GROUP: rule.peer_group_id, RulePeer.NETWORK: rule.peer_network_id}
    peer = f"{rule.peer}:{keys[RulePeer(rule.peer)]}" if rule.peer in keys else rule.peer
    peer = MISSING if rule.missing else peer
    names = ("id", "name", "action", "direction", "peer_addresses", "protocol", "ports", "priority", "description")
    return {name: getattr(rule, name) for name in (*names, "labels", "own_addresses")} | {"peer": peer}


class ExplainForm(forms.Form):
    """A connection to ask about. Ends are typed as an endpoint's name or as an address."""

    source = forms.CharField(label=_("From"), max_length=64)
    destination = forms.CharField(label=_("To"), max_length=64)
    protocol = forms.CharField(label=_("Protocol"), max_length=4, initial="tcp")
    port = forms.IntegerField(label=_("Port"), required=False, min_value=1, max_value=65535)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            dress(field.widget)
        ends = {"list": "ends", "placeholder": _("name or address"), "autocomplete": "off"}
        for name in ("source", "destination"):
            self.fields[name].widget.attrs.update(ends)
        self.fields["protocol"].widget.attrs["list"] = "protocols"
