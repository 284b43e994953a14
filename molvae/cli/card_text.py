"""The card of a model in words: aligned lines of label, value and meaning.

A card may be of anybody's making, so nothing of it reaches the terminal as it is: characters that are not printable are
escaped, and what is long, wide or deep is cut short.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from molvae.cli.metric_descriptions import meaning_of
from molvae.config import ModelConfig, TrainConfig
from molvae.errors import pluralize
from molvae.pretrained.card import MODEL_FORMAT, Summary

__all__ = ["Line", "aligned", "lines_of", "plain"]

_LONGEST, _LONGEST_LABEL = 200, 40  # characters
_MOST_ITEMS, _MOST_LINES, _DEEPEST = 12, 60, 6
_WIDEST = 24  # characters; meanings stand below each other behind values up to here
_LARGEST = 10**15  # whole numbers up to here are exact as floats, too

_ABOUT = {
    "molvae": "version of molvae that wrote it",
    "date": "of the training",
    "molecules": "training molecules",
    "trained on": "device and arithmetic",
    "data": "what it was trained on",
    "licence": "of the weights",
    "license": "of the weights",
    "command": "what trained it",
}
"""Entries of a card that molvae writes, in the order in which they are shown."""

_SETTINGS = ("epochs", "batch_size", "learning_rate", "beta", "coupling_weight", "seed")
"""Settings of the training that are shown even at their defaults."""

_FIGURES = {
    "reconstruction": ("nats", "per held-out molecule: -log p(x|z) at a draw of the posterior"),
    "bits_per_char": ("bits", "the same, per character of the SMILES"),
    "kl": ("nats", "per held-out molecule: KL of the posterior to N(0, I)"),
    "elbo": ("nats", "per held-out molecule: a lower bound on log p(x)"),
    "prior": ("nats", "per held-out molecule: -log p(x|z) at a matched draw of the prior"),
    "prior_bound": ("nats", "per held-out molecule: an upper bound on -log p(x) of samples"),
    "active_units": ("", "latent dimensions that differ between molecules"),
    "exact": ("%", "of held-out molecules come back exactly from their posterior mean"),
    "prior_valid": ("%", "of raw draws from N(0, I) are molecules"),
    "prior_unique": ("%", "of those are distinct"),
    "prior_novel": ("%", "of the distinct ones are no training molecules"),
    "midpoint_valid": ("%", "of midpoints between held-out molecules decode to a molecule"),
    "epoch": ("", "the epoch whose weights are the model"),
    "objective": ("nats", "per held-out molecule: the objective that chose this epoch"),
    "seconds": ("s", "of training up to then"),
    "tokens_per_second": ("tokens/s", "trained on in this epoch"),
    "train_reconstruction": ("nats", "per training molecule in this epoch: reconstruction"),
    "train_kl": ("nats", "per training molecule in this epoch: KL"),
    "train_prior": ("nats", "per training molecule in this epoch: at matched draws of the prior"),
    "train_properties": ("nats", "per training molecule in this epoch: loss of the heads, before its weight"),
}
"""Unit and meaning of the figures of a training, in the order in which they are shown."""

_DIGITS = {"nats": 2, "bits": 3, "s": 0, "tokens/s": 0, "": 0}


class Line(NamedTuple):
    """One line; a heading has a label only."""

    depth: int
    label: str
    value: str = ""
    meaning: str = ""


def lines_of(name: str, why: str, about: Summary) -> list[Line]:
    """All that is shown of a model.

    Args:
        name: of the model, as it was named.
        why: what named it.
        about: what its folder says.
    """
    config, tokenizer, card = about.description
    own = " ".join(token for token in tokenizer if not token.startswith("<"))
    known = about.training_hashes
    lines = [
        Line(0, "model", f"{_text(name)} ({why})"),
        Line(0, "format", f"{MODEL_FORMAT}, {about.size / 1e6:,.1f} MB on disk"),
        Line(0, "parameters", f"{about.parameters:,} in {' and '.join(about.dtypes)}"),
        Line(0, "vocabulary", f"{pluralize(len(tokenizer), 'token')}: {_text(own)}"),
        Line(0, "training set", "is not kept" if known is None else f"hashes of {pluralize(known, 'molecule')}"),
    ]
    if not about.finished:
        lines.append(Line(0, "state", "not finished; molvae train --resume goes on with it"))
    lines.append(Line(0, "shape"))
    fields = ModelConfig.model_fields
    without = {"properties"} if config.heads else {"properties", "head_hidden"}  # the heads have lines of their own
    shape = [(key, value) for key, value in config if key not in without]
    lines += [Line(1, key, _text(value), _meaning(fields[key].description)) for key, value in shape]
    sections = {key: card[key] for key in ("training", "figures", "heads") if isinstance(card.get(key), dict)}
    rest = {key: card[key] for key in [*_ABOUT, *card] if key in card and key not in sections}
    if rest:
        lines += [Line(0, "card"), *_nested(rest, 1)]
    if "training" in sections:
        lines += [Line(0, "training"), *_training(sections["training"])]
    figures = sections.get("figures", {})
    of_heads = {f"{name}_{key}" for name in config.heads for key in ("r2", "mae")}
    if rest := {key: value for key, value in figures.items() if key not in of_heads}:
        lines += [Line(0, "figures"), *_nested(rest, 1)]
    if config.heads:
        lines += [Line(0, "heads"), *_heads(config.heads, sections.get("heads", {}), figures)]
    return lines


def aligned(lines: list[Line]) -> list[Line]:
    """The same with labels indented, and with values of one width before their meanings."""
    width = max((len(line.value) for line in lines if line.meaning and len(line.value) <= _WIDEST), default=0)
    return [
        line._replace(label="  " * line.depth + line.label, value=line.value.ljust(width if line.meaning else 0))
        for line in lines
    ]


def plain(lines: list[Line]) -> str:
    """Lines as text, with a blank line before each heading that is not indented."""
    shown = aligned(lines)
    width = max((len(line.label) for line in shown if line.value), default=0)
    texts = []
    for line in shown:
        heading = line.label if line.depth else f"\n{line.label}"
        texts.append(f"{line.label:<{width}}  {line.value}  {line.meaning}".rstrip() if line.value else heading)
    return "\n".join(texts) + "\n"


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
    return format(float(value), digits) if _is_number(value) and math.isfinite(value) else "unknown"


def _training(settings: Mapping[str, Any]) -> Iterator[Line]:
    """The settings that matter most, those that are not the defaults, and those that are unknown here."""
    fields = TrainConfig.model_fields
    shown = [
        key
        for key in [*_SETTINGS, *(key for key in settings if key not in _SETTINGS)]
        if key in settings and (key in _SETTINGS or key not in fields or settings[key] != fields[key].default)
    ]
    for line in _nested({key: settings[key] for key in shown}, 1):
        field = fields.get(line.label) if line.depth == 1 else None
        yield line._replace(meaning=_meaning(field.description)) if field else line
    if len(shown) < len(settings):
        yield Line(1, "others", "as by default; all are in --json")


def _nested(entries: Mapping[str, Any], depth: int) -> Iterator[Line]:
    """The entries of a mapping, figures in their order first; those of mappings within it are indented."""
    keys = [key for key in _FIGURES if key in entries] + [key for key in entries if key not in _FIGURES]
    # The model is that of the best epoch always, which goes without saying.
    keys = [key for key in keys if not (key == "best" and "epoch" in entries)]
    for key in keys[:_MOST_LINES]:
        value, label = entries[key], _text(key, _LONGEST_LABEL)
        if isinstance(value, dict) and value and depth < _DEEPEST:
            yield Line(depth, label)
            yield from _nested(value, depth + 1)
        elif key in _FIGURES and _is_number(value):
            unit, meaning = _FIGURES[key]
            yield Line(depth, label, _figure(value, unit), meaning)
        else:
            shown = f"{value:,}" if key == "molecules" and _is_number(value) else _text(value)
            yield Line(depth, label, shown, _ABOUT.get(key, "") if depth == 1 else meaning_of(key))
    if len(keys) > _MOST_LINES:
        yield Line(depth, "...", f"and {len(keys) - _MOST_LINES:,} more; all are in --json")


def _figure(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "not measured"
    if unit == "%":
        return f"{100 * value:.1f} %"
    return f"{value:,.{_DIGITS[unit]}f} {unit}".rstrip()


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (type(value) is int and abs(value) < _LARGEST)


def _meaning(description: str | None) -> str:
    """The description of a setting, as a remark."""
    text = (description or "").split(";")[0].rstrip(".")
    return text[:1].lower() + text[1:]


def _text(value: Any, longest: int = _LONGEST, depth: int = 0) -> str:
    """Any value of JSON as one short line of printable characters."""
    if isinstance(value, dict) or (isinstance(value, list) and depth):
        return f"({pluralize(len(value), 'item')})"
    if isinstance(value, list):
        text = ", ".join(_text(one, _LONGEST_LABEL, depth + 1) for one in islice(value, _MOST_ITEMS))
        return f"{text}, ... ({pluralize(len(value), 'item')})" if len(value) > _MOST_ITEMS else text or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and 10_000 <= abs(value) < _LARGEST:
        return f"{value:,}"
    return _printable(str(value), longest) or '""'


def _printable(text: str, longest: int) -> str:
    cut = text if len(text) <= longest else f"{text[:longest]}... ({len(text):,} characters)"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in cut
    )
