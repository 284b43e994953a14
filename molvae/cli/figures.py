"""Figures of samples beside published ones: a table on a terminal, lines or JSON elsewhere; and what they mean."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from molvae.cli.console import print_json, print_result

__all__ = ["figure_lines", "metric_description", "print_figures"]

_COUNTS = ("samples", "molecules", "reconstructed molecules")

_DESCRIPTIONS = {
    "samples": "sampled strings",
    "valid": "share of strings that are molecules",
    "unique@1000": "share of distinct ones in the first 1,000 valid",
    "unique@10000": "share of distinct ones in the first 10,000 valid",
    "FCD": "Frechet ChemNet distance; 0 is best",
    "SNN": "mean similarity to the nearest test molecule",
    "Frag": "cosine of BRICS fragment counts",
    "Scaf": "cosine of scaffold counts",
    "IntDiv": "1 - mean similarity within the sample",
    "IntDiv2": "the same with the root mean square",
    "Filters": "share that passes the MOSES filters",
    "logP": "Wasserstein distance to the test set",
    "SA": "Wasserstein distance to the test set",
    "QED": "Wasserstein distance to the test set",
    "weight": "Wasserstein distance to the test set, Da",
    "Novelty": "share of distinct ones not in training",
    "KL": "GuacaMol, KL to the training set, nats",
    "KL score": "GuacaMol, mean of exp(-KL); 1 is best",
    "FCD score": "GuacaMol, exp(-FCD / 5); 1 is best",
    "exact reconstruction": "share of test molecules reconstructed exactly",
    "molecules": "that RDKit can read",
    "encoded": "share that the model can encode",
    "valid reconstruction": "share reconstructed as some molecule",
    "mean Tanimoto": "to the reconstruction; 0 if there is none",
    "median Tanimoto": "the same",
    "token accuracy": "share of tokens, given the true ones before",
    "valid midpoints": "share of those between test molecules",
    "-log p(x|z)": "nats, at a draw of the posterior",
    "KL(q(z|x), p(z))": "nats, posterior to prior",
    "-log p(x), posterior": "nats, an upper bound",
    "-log p(x), coupling": "nats, an upper bound for samples",
    "active units": "latent dimensions that are used",
    "I(x, z), at least": "nats, mutual information of molecule and latent",
    "KL(q(z), p(z)), at least": "nats, aggregated posterior to prior",
    "reconstructed molecules": "number of test molecules",
}


def metric_description(name: str) -> str:
    """What a figure of an evaluation means, in a few words; nothing for an unknown one."""
    return _DESCRIPTIONS.get(name) or _DESCRIPTIONS.get(name.split("/")[0], "")


def figure_lines(figures: Mapping[str, float], prefix: str = "") -> str:
    """Figures as lines ``name,value``."""
    return "".join(f"{prefix}{name},{value:.6g}\n" for name, value in figures.items())


def print_figures(samples: Mapping[str, Mapping[str, float]], *, as_json: bool, published: bool) -> None:
    """Print figures of samples on stdout.

    Args:
        samples: figures by name, for each sample by its name.
        as_json: as JSON; else as a table on a terminal, and as lines ``name,value`` (``sample,name,value`` for several
            samples) in a file or a pipe.
        published: show published figures beside them in the table.
    """
    if as_json:
        print_json(dict(samples) if len(samples) > 1 else next(iter(samples.values())))
    elif sys.stdout.isatty():
        _print_table(samples, published=published)
    else:
        for title, figures in samples.items():
            print_result(figure_lines(figures, f"{title}," if len(samples) > 1 else ""))


def _print_table(samples: Mapping[str, Mapping[str, float]], *, published: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from molvae.metrics.published import PUBLISHED

    columns = {**samples, **(PUBLISHED if published else {})}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for title in columns:
        table.add_column(title, justify="right", style="bold" if title in samples else "dim")
    table.add_column("", style="dim", max_width=46)
    for name in dict.fromkeys(name for figures in samples.values() for name in figures):
        values = [_text(name, figures.get(name)) for figures in columns.values()]
        table.add_row(name, *values, metric_description(name))
    Console(highlight=False).print(table)


def _text(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if name in _COUNTS else f"{value:.4f}"
