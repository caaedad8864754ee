"""volumes and volumeProfiles: Contiv's lists of them are empty, and it makes none."""

from __future__ import annotations

from typing import Any

from django.db import models

from netmaster.kinds.base import Kind
from netmaster.models import Wording
from netmaster.refusal import Refusal
from netmaster.structs import VOLUME, VOLUME_PROFILE, Body
from tenants.change import Actor


class Volumes(Kind):
    collection, word, struct, owned = "volumes", "volume", VOLUME, False

    def rows(self) -> models.QuerySet[Any]:
        return Wording.objects.none()

    def find(self, key: str) -> None:
        return None

    def create(self, actor: Actor, body: Body) -> Any:
        raise Refusal("Invalid object type")


class VolumeProfiles(Volumes):
    collection, word, struct = "volumeProfiles", "volumeProfile", VOLUME_PROFILE
