"""Small things about names."""

from __future__ import annotations

import re


def plain_title(title: str) -> str:
    """A title without the bracket that tells namesakes apart."""
    return re.sub(r"\s*\(.*?\)\s*$", "", title).strip()
