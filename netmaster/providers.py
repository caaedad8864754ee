"""Who answers for a service: running containers of its tenant that have all of its labels."""

from __future__ import annotations

from netmaster import wording
from netmaster.models import Container
from netmaster.structs import Body
from routing.models import Service


def providers_of(service: Service) -> list[Container]:
    rows = Container.objects.filter(endpoint__tenant=service.tenant, running=True)
    shown = ("tenant", "network", "group__contiv_number", "node", "container")
    rows = rows.select_related(*(f"endpoint__{path}" for path in shown))
    return [one for one in rows.order_by("pk") if answers_for(one, service)]


def answers_for(container: Container, service: Service) -> bool:
    """Whether a container has all labels of a service."""
    return bool(service.selectors.items() <= (container.labels or {}).items())


def answers_for_any(container: Container) -> bool:
    """Whether there is a service of its tenant that it has the labels of."""
    services = Service.objects.filter(tenant=container.endpoint.tenant_id)
    return any(answers_for(container, one) for one in services)


def service_state(service: Service) -> Body:
    """A service as /services tells of it."""
    tenant = service.tenant.name
    return {
        "id": f"{service.name}:{tenant}",
        "servicename": service.name,
        "tenantname": tenant,
        "subnet": service.network.name,
        **wording.applied({"ports": service.ports}, wording.of("serviceLB", service.pk)),
        "selectors": dict(sorted(service.selectors.items())),
        "ipaddress": service.address,
        "providers": dict(
            sorted((f"{one.reported_ip}:{tenant}", _provider(service, one)) for one in providers_of(service))
        ),
    }


def _provider(service: Service, one: Container) -> Body:
    tenant, network = service.tenant.name, one.endpoint.network.name
    return {
        "IPAddress": one.reported_ip,
        "ContainerID": one.container,
        "Labels": dict(sorted((one.labels or {}).items())),
        "Tenant": tenant,
        "Network": network,
        "Services": [f"{service.name}:{tenant}"],
        "Container": "",
        "EpIDKey": f"{network}.{tenant}-{one.endpoint_name}",
    }
