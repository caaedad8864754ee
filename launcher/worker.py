"""The worker process: Celery's worker and its timer in one, so that the end of the one is the end of both."""

from __future__ import annotations

import os

from celery.beat import EmbeddedService

from launcher.memory import collect_less_often

#: Tasks at a time: publishing is bound to one core, the second keeps timers going meanwhile.
CONCURRENCY = 2


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contivui.settings")
    from contivui.celery import app

    collect_less_often()
    # As a thread: Celery's own -B makes a process that outlives a killed worker.
    EmbeddedService(app, thread=True).start()
    lonely = ["--without-gossip", "--without-mingle", "--without-heartbeat"]  # one worker: nobody to greet
    app.worker_main(
        ["worker", "--pool", "threads", "--concurrency", str(CONCURRENCY), "--loglevel", "WARNING", *lonely]
    )


if __name__ == "__main__":
    main()
