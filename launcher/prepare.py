"""Makes an installation ready, as far as it is not yet: tables, static files, the first administrator, the lab's nodes
and containers, the demonstration. A process of its own (`python -m launcher.prepare`), because it needs Django."""

from __future__ import annotations

import os
import secrets
import sys

import django
from django.core.exceptions import ImproperlyConfigured

from launcher import stamps
from launcher.settings import FIRST_ADMINISTRATOR, Settings, load


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contivui.settings")
    try:
        settings = load()
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    prepare(settings)


def prepare(settings: Settings) -> None:
    """Every step does only what is missing; the stamp is written last, so that a step cut short is done again."""
    from launcher import first_lab

    migrate()
    collect_static(settings)
    make_administrator(settings)
    if settings.netmaster_port:
        make_default_tenant()
    if settings.lab_nodes:
        first_lab.make(settings)
    stamps.write_private(settings.data / "prepared", stamps.fingerprint(settings))


def migrate() -> None:
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def collect_static(settings: Settings) -> None:
    """Collect and compress the static files when they are not those collected last."""
    from django.core.management import call_command

    stamp = settings.data / "static_digest"
    digest = stamps.digest_of(stamps.STATIC)
    if not stamps.reads(stamp, digest):
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        stamp.write_text(digest)


def make_administrator(settings: Settings) -> None:
    """The first administrator, with the password that is set or one made for this installation. It stays readable in
    the data folder, for its owner, until it is changed."""
    from django.contrib.auth.models import User

    from tenants.users import administrators

    if not administrators().exists():
        password = settings.admin_password or secrets.token_urlsafe(12)
        stamps.write_private(settings.password_file, password + "\n")
        User.objects.create_superuser(FIRST_ADMINISTRATOR, password=password)
    elif settings.password_file.exists():
        user = User.objects.filter(username=FIRST_ADMINISTRATOR).first()
        if user is None or not user.check_password(settings.password_file.read_text().strip()):
            settings.password_file.unlink()


def make_default_tenant() -> None:
    """Contiv's clients expect a tenant `default` from the start; whoever does not serve them gets none."""
    from tenants.actions import create_tenant
    from tenants.change import SYSTEM
    from tenants.models import Tenant

    if not Tenant.objects.filter(name="default").exists():
        create_tenant(actor=SYSTEM, name="default", description="Where Contiv's clients begin.")


if __name__ == "__main__":
    main()
