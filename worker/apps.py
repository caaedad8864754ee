from __future__ import annotations

from django.apps import AppConfig


class WorkerConfig(AppConfig):
    name = "worker"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Bind tasks to our Celery application in every process, and hear of changes."""
        from django.db.models.signals import pre_delete

        import contivui.celery  # noqa: F401
        from networks.models import Node
        from tenants.models import Tenant
        from tenants.signals import nodes_changed, tenant_changed
        from worker import wake

        tenant_changed.connect(wake.on_tenant_changed, weak=False, dispatch_uid="worker.wake.tenant")
        nodes_changed.connect(wake.on_nodes_changed, weak=False, dispatch_uid="worker.wake.nodes")
        pre_delete.connect(wake.on_tenant_leaving, Tenant, weak=False, dispatch_uid="worker.wake.leaving")
        pre_delete.connect(wake.on_node_leaving, Node, weak=False, dispatch_uid="worker.wake.node")
