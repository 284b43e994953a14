"""``molvae info``: the card of a model as aligned lines of label, value and description.

Anybody may have written the card. So nothing of it reaches the terminal as it is: characters that are not printable are
escaped, and what is long, wide or deeply nested is cut.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from molvae.cli.console import command, print_json, print_result, writable
from molvae.cli.figures import metric_description
from molvae.cli.models import Choice, choose_model, is_number, named_by
from molvae.cli.options import AsJson
from molvae.config import ModelConfig, TrainConfig
from molvae.errors import ModelError, pluralize

if TYPE_CHECKING:
    from molvae.pretrained.card import Summary

__all__ = ["info"]

_LONGEST, _LONGEST_LABEL = 200, 40  # characters
_MOST_ITEMS, _MOST_LINES, _DEEPEST = 12, 60, 6
_WIDEST = 24  # characters of values before which descriptions are aligned

_ENTRIES = {
    "molvae": "version of molvae that wrote it",
    "date": "of the training",
    "molecules": "training molecules",
    "trained on": "device and arithmetic",
    "data": "what it was trained on",
    "licence": "of the weights",
    "license": "of the weights",
    "command": "how it was trained",
}
"""Entries of a card that molvae writes, in the order in which they are shown."""

_SETTINGS = ("epochs", "batch_size", "learning_rate", "beta", "coupling_weight", "seed")
"""Settings of the training that are shown even at their defaults."""

_FIGURES = {
    "reconstruction": ("nats", "per held-out molecule: -log p(x|z) at a draw of the posterior"),
    "bits_per_char": ("bits", "the same, per character of the SMILES"),
    "kl": ("nats", "per held-out molecule: KL of the posterior from N(0, I)"),
    "elbo": ("nats", "per held-out molecule: a lower bound on log p(x)"),
    "prior": ("nats", "per held-out molecule: -log p(x|z) at a matched draw of the prior"),
    "prior_bound": ("nats", "per held-out molecule: an upper bound on -log p(x) of samples"),
    "active_units": ("", "latent dimensions that the model uses"),
    "exact": ("%", "of held-out molecules are reconstructed exactly from their posterior mean"),
    "prior_valid": ("%", "of raw draws from N(0, I) are molecules"),
    "prior_unique": ("%", "of those are distinct"),
    "prior_novel": ("%", "of the distinct ones are not training molecules"),
    "midpoint_valid": ("%", "of midpoints between held-out molecules decode to a molecule"),
    "epoch": ("", "the epoch whose weights are the model"),
    "objective": ("nats", "per held-out molecule: the objective that selected this epoch"),
    "seconds": ("s", "of training up to this epoch"),
    "tokens_per_second": ("tokens/s", "trained on in this epoch"),
    "train_reconstruction": ("nats", "per training molecule in this epoch: reconstruction"),
    "train_kl": ("nats", "per training molecule in this epoch: KL"),
    "train_prior": ("nats", "per training molecule in this epoch: at matched draws of the prior"),
    "train_properties": ("nats", "per training molecule in this epoch: loss of the heads, before its weight"),
}
"""Unit and description of the figures of a training, in the order in which they are shown."""

_DIGITS = {"nats": 2, "bits": 3, "s": 0, "tokens/s": 0, "": 0}


@command
def info(
    model: Annotated[
        str | None, typer.Argument(help="Folder, Hugging Face id, medchem or moses. Default: as for sample.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Describe a model: its shape, how it was trained, and how good it is.

    The weights are not loaded. Settings at their defaults are left out; --json prints everything, including the
    vocabulary.
    """
    from molvae.pretrained.card import read_card
    from molvae.pretrained.hub import find_model

    choice = choose_model(model, "the argument MODEL")
    with named_by(choice):
        summary = read_card(find_model(choice.name))
        try:
            if as_json:
                print_json(_as_dict(choice, summary))
            else:
                _print_lines(choice, summary)
        except RecursionError:
            raise ModelError(f"the card in {summary.folder} is nested too deeply to be printed") from None


def _as_dict(choice: Choice, summary: Summary) -> dict[str, Any]:
    from molvae.pretrained.card import MODEL_FORMAT

    return {
        "name": choice.name,
        "folder": str(summary.folder),
        "format": MODEL_FORMAT,
        "finished": summary.finished,
        "model": summary.description.config.model_dump(),
        "parameters": summary.parameters,
        "dtypes": summary.dtypes,
        "bytes": summary.size,
        "training_hashes": summary.training_hashes,
        "tokens": summary.description.tokenizer.tokens,
        "card": summary.description.card,
    }


class Line(NamedTuple):
    """One line; a heading has a label only."""

    depth: int
    label: str
    value: str = ""
    description: str = ""


def _print_lines(choice: Choice, summary: Summary) -> None:
    """Print the lines: on a terminal as a table, in which long texts are wrapped in their own column."""
    lines = [
        line._replace(label=writable(line.label), value=writable(line.value))
        for line in _lines(choice.name, choice.reason, summary)
    ]
    width = max((len(one.value) for one in lines if one.description and len(one.value) <= _WIDEST), default=0)
    lines = [
        one._replace(label="  " * one.depth + one.label, value=one.value.ljust(width if one.description else 0))
        for one in lines
    ]
    if sys.stdout.isatty():
        _print_table(lines)
        return
    width = max((len(line.label) for line in lines if line.value), default=0)
    texts = []
    for line in lines:
        heading = line.label if line.depth else f"\n{line.label}"
        texts.append(f"{line.label:<{width}}  {line.value}  {line.description}".rstrip() if line.value else heading)
    print_result("\n".join(texts) + "\n")


def _print_table(lines: Sequence[Line]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for line in lines:
        if not line.value and not line.depth:
            table.add_row()
        label = Text(line.label, style="" if line.value else "bold")
        table.add_row(label, Text(line.value).append(f"  {line.description}".rstrip(), style="dim"))
    Console(highlight=False).print(table)


def _lines(name: str, reason: str, summary: Summary) -> list[Line]:
    """Everything that is shown of a model."""
    from molvae.pretrained.card import MODEL_FORMAT

    config, tokenizer, card = summary.description
    own = " ".join(token for token in tokenizer if not token.startswith("<"))
    known = summary.training_hashes
    lines = [
        Line(0, "model", f"{_text(name)} ({reason})"),
        Line(0, "format", f"{MODEL_FORMAT}, {summary.size / 1e6:,.1f} MB on disk"),
        Line(0, "parameters", f"{summary.parameters:,} in {' and '.join(summary.dtypes)}"),
        Line(0, "vocabulary", f"{pluralize(len(tokenizer), 'token')}: {_text(own)}"),
        Line(0, "training set", "is not kept" if known is None else f"hashes of {pluralize(known, 'molecule')}"),
    ]
    if not summary.finished:
        lines.append(Line(0, "state", "not finished; continue with molvae train --resume"))
    lines.append(Line(0, "shape"))
    fields = ModelConfig.model_fields
    without = {"properties", "log"} | (set() if config.heads else {"head_hidden"})  # the heads have their own lines
    shape = [(key, value) for key, value in config if key not in without]
    lines += [Line(1, key, _text(value), _remark(fields[key].description)) for key, value in shape]
    sections = {key: card[key] for key in ("training", "figures", "heads") if isinstance(card.get(key), dict)}
    rest = {key: card[key] for key in [*_ENTRIES, *card] if key in card and key not in sections}
    if rest:
        lines += [Line(0, "card"), *_nested(rest, 1)]
    if "training" in sections:
        lines += [Line(0, "training"), *_training(sections["training"])]
    figures = sections.get("figures", {})
    of_heads = {f"{name}_{key}" for name in config.quantities for key in ("r2", "mae")}
    if rest := {key: value for key, value in figures.items() if key not in of_heads}:
        lines += [Line(0, "figures"), *_nested(rest, 1)]
    if config.heads:
        lines += [Line(0, "heads"), *_heads(config.quantities, sections.get("heads", {}), figures)]
    return lines


def _heads(names: Sequence[str], about: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[Line]:
    """A line for each head: how good it is, and its labels."""
    for name in names[:_MOST_LINES]:
        r2, mae = (_number(figures.get(f"{name}_{key}"), digits) for key, digits in (("r2", ".3f"), ("mae", ".4g")))
        labels = about[name] if isinstance(about.get(name), dict) else {}
        known, mean, std = (_number(labels.get(key), ",.6g") for key in ("labels", "mean", "std"))
        yield Line(
            1,
            _text(name, _LONGEST_LABEL),
            f"R2 {r2}, MAE {mae}",
            f"held-out molecules; trained on {known} labels, mean {mean}, standard deviation {std}",
        )


def _number(value: Any, digits: str) -> str:
    return format(float(value), digits) if is_number(value) and math.isfinite(value) else "unknown"


def _training(settings: Mapping[str, Any]) -> Iterator[Line]:
    """The most important settings, those that are not at their defaults, and those that this version does not know."""
    fields = TrainConfig.model_fields
    shown = [
        key
        for key in [*_SETTINGS, *(key for key in settings if key not in _SETTINGS)]
        if key in settings and (key in _SETTINGS or key not in fields or settings[key] != fields[key].default)
    ]
    for line in _nested({key: settings[key] for key in shown}, 1):
        field = fields.get(line.label) if line.depth == 1 else None
        yield line._replace(description=_remark(field.description)) if field else line
    if len(shown) < len(settings):
        yield Line(1, "others", "at their defaults; --json prints all")


def _nested(entries: Mapping[str, Any], depth: int) -> Iterator[Line]:
    """The entries of a mapping, figures first; the entries of nested mappings are indented."""
    keys = [key for key in _FIGURES if key in entries] + [key for key in entries if key not in _FIGURES]
    # The model always has the weights of the best epoch.
    keys = [key for key in keys if not (key == "best" and "epoch" in entries)]
    for key in keys[:_MOST_LINES]:
        value, label = entries[key], _text(key, _LONGEST_LABEL)
        if isinstance(value, dict) and value and depth < _DEEPEST:
            yield Line(depth, label)
            yield from _nested(value, depth + 1)
        elif key in _FIGURES and is_number(value):
            unit, description = _FIGURES[key]
            yield Line(depth, label, _figure(value, unit), description)
        else:
            shown = f"{value:,}" if key == "molecules" and is_number(value) else _text(value)
            yield Line(depth, label, shown, _ENTRIES.get(key, "") if depth == 1 else metric_description(key))
    if len(keys) > _MOST_LINES:
        yield Line(depth, "...", f"and {len(keys) - _MOST_LINES:,} more; --json prints all")


def _figure(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "not measured"
    if unit == "%":
        return f"{100 * value:.1f} %"
    return f"{value:,.{_DIGITS[unit]}f} {unit}".rstrip()


def _remark(description: str | None) -> str:
    """The description of a setting, shortened."""
    text = (description or "").split(";")[0].rstrip(".")
    return text[:1].lower() + text[1:]


def _text(value: Any, longest: int = _LONGEST, depth: int = 0) -> str:
    """Any JSON value as one short line of printable characters."""
    if isinstance(value, dict) or (isinstance(value, list) and depth):
        return f"({pluralize(len(value), 'item')})"
    if isinstance(value, list):
        text = ", ".join(_text(one, _LONGEST_LABEL, depth + 1) for one in islice(value, _MOST_ITEMS))
        return f"{text}, ... ({pluralize(len(value), 'item')})" if len(value) > _MOST_ITEMS else text or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    if type(value) is int and is_number(value) and abs(value) >= 10_000:
        return f"{value:,}"
    text = str(value)
    cut = text if len(text) <= longest else f"{text[:longest]}... ({len(text):,} characters)"
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in cut
    )
    return shown or '""'
