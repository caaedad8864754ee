"""How the API pages: by cursor, so the last page of a long list costs what the first does."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class Pages(CursorPagination):
    """Answers {next, previous, results}; `limit` asks for 1–500 rows a page."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 500
    ordering = "id"
