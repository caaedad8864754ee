"""The API's side of people: whose request it is, what she may, the record, and how far a change is live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contivui.web.api import Done, Writes
from contivui.web.bulk import BulkViewSet
from contivui.web.context import Saved
from contivui.web.errors import BadParameter
from contivui.web.facts import facts
from contivui.web.fields import LARGEST_ID
from contivui.web.parameters import seconds
from contivui.web.preconditions import etag_of, require_match
from contivui.web.resource import Resource
from contivui.web.strict import require_types
from tenants import quotas
from tenants.access import ClusterRole, Rights, require, rights_of
from tenants.actions import set_quota
from tenants.change import Actor
from tenants.invitations import invite
from tenants.models import AuditEntry, ClusterRecord, Membership, Tenant, Token
from tenants.once import once
from tenants.resources import ACCOUNT, AUDIT, INVITATION, MEMBER, TENANT
from tenants.serializers import (
    InvitationSerializer,
    LimitsSerializer,
    MeSerializer,
    NewInvitationSerializer,
    QuotaSerializer,
    RealizationSerializer,
    UndoneSerializer,
)
from tenants.signals import undo_asked
from tenants.undo import require_all, take_back, together


def actor_of(request: Request) -> Actor:
    """How the record names who asks through the API."""
    user, token = request.user, request.auth
    with_token = str(token)[:100] if isinstance(token, Token) else ""
    return Actor(user.get_username(), "api", user.pk, request.META.get("REMOTE_ADDR") or None, with_token)


def hold(rows: Sequence[Any]) -> None:
    """Lock these rows, which are of one kind."""
    list(type(rows[0])._default_manager.select_for_update().filter(pk__in=[row.pk for row in rows]).order_by("pk"))


class TenantWrites(Writes):
    """Writes whose answers say what became of their tenants' intent."""

    def once(self, run: Callable[[], Response]) -> Response:
        return once(self.request, run)

    def progress(self, tenants: Sequence[Any]) -> dict[str, str]:
        """`Tenant-Generation: blue=12` and a link to how far that is live, for each tenant there still is."""
        found = [(tenant.pk, tenant.name, tenant.generation) for tenant in self._as_they_are(tenants)]
        if not found:
            return {}
        links = [f"<{reverse('api-tenants-realization', args=[pk])}?generation={g}>" for pk, _, g in found]
        return {
            "Tenant-Generation": ", ".join(f"{name}={generation}" for _, name, generation in found),
            "Link": ", ".join(f'{link}; rel="realization"' for link in links),
        }

    def touches(self, done: Done) -> dict[str, Any]:
        known = facts("touched", self._as_they_are(done.tenants)).values()
        nodes = sorted({name for each in known for name in each["nodes"]})
        names = [name for each in known for name in each["endpoint_names"]]
        return {"nodes": nodes, "endpoints": sum(each["endpoints"] for each in known), "endpoint_names": names}

    @staticmethod
    def _as_they_are(tenants: Sequence[Any]) -> list[Tenant]:
        keys = {tenant.pk for tenant in tenants if tenant is not None}
        return list(Tenant.objects.filter(pk__in=keys).order_by("name")) if keys - {None} else []


class ObjectViewSet(TenantWrites, BulkViewSet):
    """A resource's view set that knows people and their rights."""

    def actor(self) -> Actor:
        return actor_of(self.request)

    def get_queryset(self) -> Any:
        """Who is a member of one tenant only is told so to the database, too: it then reads that tenant's index in the
        order wanted instead of sorting all of its rows."""
        rows = super().get_queryset()
        if self.resource.scope != "tenant" or self.rights.cluster:
            return rows
        tenants = list(self.rights.tenants)
        path = getattr(self.resource.model, "tenant_path", "tenant")
        return rows.filter(**{path: tenants[0]}) if len(tenants) == 1 else rows

    @cached_property
    def rights(self) -> Rights:
        return rights_of(self.request.user)

    def require(self, action: str, row: Any = None, tenant: Any = None) -> None:
        """What belongs to a tenant is seen by whoever `visible_to` shows it; so is what there is of tenants."""
        if action == "view" and (self.resource.scope == "tenant" or self.resource is TENANT):
            return
        require(self.request.user, f"{self.resource.name}.{action}", tenant)

    def lock(self, tenants: Sequence[Any], rows: Sequence[Any] = ()) -> None:
        """In one order for everybody: the cluster's record, which every change of the cluster locks first, then
        tenants, whose lock holds all they own, then what belongs to the cluster."""
        if self.resource.scope == "cluster" or self.resource is TENANT:
            ClusterRecord.locked()
        keys = {tenant.pk for tenant in tenants if tenant is not None}
        list(Tenant.objects.select_for_update().filter(pk__in=keys).order_by("pk"))
        if self.resource.scope == "cluster" and (free := [row for row in rows if self.tenant_of(row) is None]):
            (self.resource.hold or hold)(free)

    def tenants_named(self, names: set[str]) -> list[Any]:
        named = [name for name in names if name and "\0" not in name]
        return list(Tenant.objects.visible_to(self.request.user).filter(name__in=named))


WAIT = OpenApiParameter("wait", str, description="Answer later, once it is live or refused: after 5s or 300ms, say.")


class LiveViewSet(ObjectViewSet):
    """A resource whose objects become live on nodes."""

    @extend_schema(parameters=[WAIT], responses=RealizationSerializer)
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def realization(self, request: Request, pk: str) -> Response:
        """How far the change that made this object what it is has come. The waiting is done around this view, in
        contivui.web.waiting."""
        seconds(request.query_params.get("wait"))
        return Response(RealizationSerializer(realization_of(self.find(pk))).data)


def viewset(resource: Resource, base: type[ObjectViewSet] = LiveViewSet) -> type[ObjectViewSet]:
    """The view set of a resource that has nothing particular."""
    name = resource.name.title()
    return type(f"{name}ViewSet", (base,), {"resource": resource, "__doc__": resource.model.__doc__})


def realization_of(row: Any) -> dict[str, Any]:
    """How far the generation that last changed the row is live, as the worker knows it."""
    known = facts("realization", [row])[row.pk]
    live_at = known.saved_at + timedelta(milliseconds=known.ms) if known.saved_at and known.ms is not None else None
    return {
        "generation": row.generation,
        "stage": known.stage,
        "saved_at": known.saved_at,
        "live_at": live_at,
        "live_ms": known.ms,
        "nodes": known.nodes,
        "live": known.live,
        "waiting": known.waiting,
        "refused": known.refused,
    }


class TenantViewSet(ObjectViewSet):
    """A VRF: its networks reach each other, nothing else reaches them."""

    resource = TENANT

    def tenant_of(self, row: Any) -> Any:
        """A tenant's own owners may change it: the rights asked for are those in itself."""
        return row

    @extend_schema(
        parameters=[WAIT, OpenApiParameter("generation", int, description="Which; the newest when left out.")],
        responses=RealizationSerializer,
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def realization(self, request: Request, pk: str) -> Response:
        """How far a generation of the tenant's intent is live: what every write answers with a link to."""
        seconds(request.query_params.get("wait"))
        row = self.find(pk)
        said = request.query_params.get("generation", str(row.generation))
        if not (said.isascii() and said.isdigit()) or not 0 < int(said[:20]) <= min(row.generation, LARGEST_ID):
            raise BadParameter({"generation": f"Give a generation from 1 to {row.generation}."})
        return Response(RealizationSerializer(realization_of(Saved(row.pk, int(said)))).data)

    @extend_schema(methods=["GET"], responses=QuotaSerializer)
    @extend_schema(methods=["PATCH"], request=LimitsSerializer, responses=QuotaSerializer)
    @action(detail=True, methods=["get", "patch"], pagination_class=None, filter_backends=[])
    def quota(self, request: Request, pk: str) -> Response:
        """How much of each thing the tenant has and may have. Administrators set it."""
        row = self.find(pk)
        if request.method == "GET":
            shown = quota_of(row)
            return Response(shown, headers={"ETag": etag_of(shown)})
        require(request.user, "quota.update", row)
        form = LimitsSerializer(data=request.data)
        require_types(form)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        return self.write(lambda: self._limited(row, request.headers.get("If-Match"), given))

    def _limited(self, row: Tenant, if_match: str | None, given: dict[str, Any]) -> Done:
        if if_match is not None:
            self.lock([row])
            require_match(if_match, quota_of(self.find(str(row.pk))))
        row = set_quota(actor=self.actor(), row=row, **given)
        return Done(quota_of(row), tenants=[row], whole=True)


def quota_of(row: Tenant) -> dict[str, Any]:
    return dict(QuotaSerializer({use.name: use for use in quotas.use_of(row)}).data)


class AuditViewSet(ObjectViewSet):
    """The record: every change, who made it, when, from where, before and after. Newest first."""

    resource = AUDIT
    default_ordering = "-id"


@extend_schema(tags=["audit"])
class UndoView(TenantWrites, APIView):
    """Taking back what is in the record."""

    serializer_class = UndoneSerializer

    @extend_schema(request=None, responses=UndoneSerializer)
    def post(self, request: Request, id: str) -> Response:
        """Undo a change, with all else that its request did: everything, or nothing and the reason (409). It takes the
        rights for what was done and for what is done now, and is a change itself, that can be undone."""
        entry = get_object_or_404(AuditEntry.objects.visible_to(request.user), pk=id)
        return self.once(lambda: self.write(lambda: self._undo(entry)))

    def _undo(self, entry: AuditEntry) -> Done:
        entries = together(entry)
        require_all(self.request.user, entries)
        undo_asked.send(sender=None, request=self.request, entries=entries)
        changes = take_back(entries, actor_of(self.request))
        done = {"undone": [each.pk for each in entries], "changes": changes}
        tenants = Tenant.objects.filter(pk__in={each.tenant_id for each in changes if each.tenant_id})
        return Done(UndoneSerializer(done).data, tenants=list(tenants))


@extend_schema(tags=["me"])
class MeView(APIView):
    """Who asks."""

    serializer_class = MeSerializer

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        tenants = Tenant.objects.visible_to(request.user)
        roles = Membership.objects.filter(user__username=request.user.get_username(), tenant__in=tenants)
        roles = roles.select_related("tenant").order_by("tenant__name")
        rights = rights_of(request.user)
        administrator = rights.cluster is ClusterRole.ADMINISTRATOR
        me = {"name": request.user.get_username(), "administrator": administrator, "cluster_role": rights.cluster}
        me["tenants"] = roles
        return Response(MeSerializer(me).data)


class NoSuchThing(APIView):
    """What the API answers where it has nothing: its own kind of 404, not a page."""

    schema = None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.http_method_names = [request.method.lower()]
        setattr(self, request.method.lower(), self.nothing)
        return super().dispatch(request, *args, **kwargs)

    def nothing(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise Http404


class AccountViewSet(ObjectViewSet):
    """A person who may sign in, and her role in the cluster. Her roles in tenants are `members`."""

    resource = ACCOUNT


class InvitationViewSet(ObjectViewSet):
    """Somebody without an account who may join a tenant by a link, once. Its owners invite."""

    resource = INVITATION

    @extend_schema(request=InvitationSerializer, responses={201: NewInvitationSerializer})
    def create(self, request: Request) -> Response:
        return super().create(request)

    def make(self, body: Any) -> Done:
        row, secret = invite(actor=self.actor(), **self.read(self.get_serializer(data=body)))
        return self.made(row, token=secret, path=reverse("invitation", args=[secret]))


VIEWSETS: dict[str, type[Any]] = {
    "invitations": InvitationViewSet,
    "users": AccountViewSet,
    "tenants": TenantViewSet,
    "members": viewset(MEMBER, ObjectViewSet),
    "audit": AuditViewSet,
}
