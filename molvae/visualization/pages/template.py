"""A page from templates, style sheets and scripts of this package, all of them inside it."""

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

    The page says to the browser that it may load nothing from anywhere.

    Args:
        template: name of a file in the folder ``assets``.
        styles, scripts: names of files there, besides ``base.css`` and ``base.js``; scripts run in this order.
        values: what the template names, ``title`` among them.
    """
    css = "\n".join(_asset(name) for name in ("base.css", *styles))
    js = "\n".join(_asset(name) for name in ("base.js", *scripts))
    return _environment().get_template(template).render(css=Markup(css), js=Markup(js), **values)


def pack(data: bytes) -> str:
    """Bytes as text that stands in a page as it is: zlib, then base64; ``unpack`` of ``base.js`` reads it."""
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _asset(name: str) -> str:
    return files(__package__).joinpath(_ASSETS, name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> Environment:
    loader = PackageLoader(str(__package__), _ASSETS)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
