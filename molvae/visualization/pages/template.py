"""HTML pages from the templates, style sheets and scripts in ``assets``, each page in one file."""

from __future__ import annotations

import base64
import functools
import zlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["pack", "render"]

_ASSETS = "assets"


def render(template: str, *, styles: Sequence[str], scripts: Sequence[str], **values: Any) -> str:
    """Fill a template that extends ``base.html``; every value is escaped.

    The page tells the browser to load nothing from anywhere.

    Args:
        template: name of a file in the folder ``assets``.
        styles, scripts: names of files there, in addition to ``base.css`` and ``base.js``; scripts run in this order.
        values: the variables of the template, including ``title``.
    """
    css = "\n".join(_asset(name) for name in ("base.css", *styles))
    js = "\n".join(_asset(name) for name in ("base.js", *scripts))
    return _environment().get_template(template).render(css=Markup(css), js=Markup(js), **values)


def pack(data: bytes) -> str:
    """Bytes as text that needs no escape in a page: zlib, then base64; ``unpack`` in ``base.js`` reads it."""
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _asset(name: str) -> str:
    return files(__package__).joinpath(_ASSETS, name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> Environment:
    loader = PackageLoader(str(__package__), _ASSETS)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
