"""``molvae info``"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from molvae.cli.common import command, print_result, writable
from molvae.cli.options import AsJson
from molvae.errors import ModelError
from molvae.storage.files import finite

if TYPE_CHECKING:
    from molvae.cli.card_text import Line
    from molvae.cli.models import Choice
    from molvae.pretrained.card import Summary

__all__ = ["info"]


@command
def info(
    model: Annotated[
        Optional[str],
        typer.Argument(
            help="Model or run folder, Hugging Face id, medchem or moses; by default as for sample.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what a model is: its shape, what it was trained on, and its figures.

    The weights are not loaded. Settings at their defaults are left out; --json has everything, the vocabulary too.
    """
    from molvae.cli.models import choose_model, naming
    from molvae.pretrained.card import read_card
    from molvae.pretrained.hub import find_model

    choice = choose_model(model, "the argument MODEL")
    with naming(choice):
        about = read_card(find_model(choice.name))
        try:
            if as_json:
                print_result(json.dumps(finite(_as_dict(choice, about)), indent=1) + "\n")
            else:
                _print_lines(choice, about)
        except RecursionError:
            raise ModelError(f"the card in {about.folder} is nested too deeply to be printed") from None


def _as_dict(choice: Choice, about: Summary) -> dict[str, Any]:
    from molvae.pretrained.card import MODEL_FORMAT

    return {
        "name": choice.name,
        "folder": str(about.folder),
        "format": MODEL_FORMAT,
        "finished": about.finished,
        "model": about.description.config.model_dump(),
        "parameters": about.parameters,
        "dtypes": about.dtypes,
        "bytes": about.size,
        "training_hashes": about.training_hashes,
        "tokens": about.description.tokenizer.tokens,
        "card": about.description.card,
    }


def _print_lines(choice: Choice, about: Summary) -> None:
    from molvae.cli.card_text import lines_of, plain

    lines = [
        line._replace(label=writable(line.label), value=writable(line.value))
        for line in lines_of(choice.name, choice.why, about)
    ]
    if sys.stdout.isatty():
        _print_table(lines)
    else:
        print_result(plain(lines))


def _print_table(lines: list[Line]) -> None:
    """As `plain`, with long texts wrapped in their own column."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from molvae.cli.card_text import aligned

    table = Table.grid(padding=(0, 2))
    for line in aligned(lines):
        if not line.value and not line.depth:
            table.add_row()
        label = Text(line.label, style="" if line.value else "bold")
        table.add_row(label, Text(line.value).append(f"  {line.meaning}".rstrip(), style="dim"))
    Console(highlight=False).print(table)
