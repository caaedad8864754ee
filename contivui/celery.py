"""The Celery application. Imported by worker.apps so that tasks are bound to it in every process."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contivui.settings")

app = Celery("contivui")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
