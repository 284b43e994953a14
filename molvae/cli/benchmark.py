"""``molvae benchmark``"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molvae.cli.common import command, console, print_result, say
from molvae.cli.descriptors import descriptors
from molvae.cli.leads import leads
from molvae.cli.moses import moses
from molvae.cli.options import AsJson, Device
from molvae.cli.outliers import outliers
from molvae.cli.pmo import optimization
from molvae.config import ModelConfig, TrainConfig

if TYPE_CHECKING:
    from molvae.benchmarks.throughput import Figure

__all__ = ["benchmark"]

benchmark = typer.Typer(no_args_is_help=True, help="Measure quality and speed, beside something to compare with.")


class Part(StrEnum):
    """What can be measured."""

    TRAINING = "training"
    TRANSPORT = "transport"
    DECODING = "decoding"
    SAMPLING = "sampling"
    CLEANING = "cleaning"
    STARTING = "starting"


_SIZE = ModelConfig(latent_dim=128, encoder_hidden=256, decoder_hidden=512, decoder_layers=3)
"""That of the MOSES VAE."""


benchmark.command()(moses)
benchmark.command()(optimization)
benchmark.command()(leads)
benchmark.command()(outliers)
benchmark.command()(descriptors)


@benchmark.command()
@command
def throughput(
    file: Annotated[Path, typer.Argument(help="Molecules, such as data/moses_sample.csv.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(
            help="With a trained model, its transport, sampling and cold start are measured too.", show_default=False
        ),
    ] = None,
    part: Annotated[
        list[Part] | None, typer.Option(help="Measure this part only; may be given again.", show_default=False)
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Molecules of the sampling part.")] = 20_000,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Molecules of a step.")] = 512,
    steps: Annotated[int, typer.Option(min=1, help="Training steps of a measurement.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each contender; medians are shown.")] = 3,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure the speed of training, decoding, sampling, cleaning and starting.

    The contenders take turns in one run; medians are shown. The model is of the size of the MOSES VAE (4.6 million
    parameters) and is compared with a textbook implementation (fp32, packed sequences, 100 steps for every string) and
    with the speed of a large matrix product on the same machine. stdout has name,value,unit lines.
    """
    say("loading torch and RDKit ...", "dim")
    from molvae.benchmarks.throughput import SamplingSpeed, TrainingSpeed, cleaning_speed, starting_speed, stream_speed
    from molvae.cli.models import load_model
    from molvae.corpus.batching import TokenizedCorpus
    from molvae.corpus.cleaning import clean
    from molvae.corpus.reading import open_table
    from molvae.corpus.tokenizer import SmilesTokenizer

    wanted = part or list(Part)
    figures: list[Figure] = []

    def show(new: list[Figure]) -> None:
        figures.extend(new)
        _show(new)

    smiles = clean(open_table(file)).smiles
    tokenizer = SmilesTokenizer.from_smiles(smiles)
    corpus = TokenizedCorpus(smiles, tokenizer)
    if Part.TRAINING in wanted:
        show(TrainingSpeed(corpus, _SIZE, batch_size, steps, rounds, device).run())
    vae = load_model(model, device) if model is not None else None
    if Part.TRANSPORT in wanted and vae is not None:
        # It costs the most where a step is short: at the batch of a default run.
        size = TrainConfig().batch_size
        blocks = -(-TrainConfig().block_size // size)
        known = TokenizedCorpus(smiles, vae.tokenizer)
        show(TrainingSpeed(known, vae.config, size, blocks, rounds, device, vae.model).transport())
    if Part.DECODING in wanted:
        show(SamplingSpeed(tokenizer, _SIZE, batch_size, rounds, device).run())
    if Part.SAMPLING in wanted and vae is not None:
        show(stream_speed(vae, n))
    if Part.CLEANING in wanted:
        show(cleaning_speed(file, rounds))
    if Part.STARTING in wanted:
        show(starting_speed(Path(model) if model is not None else None, rounds))
    if as_json:
        print_result(json.dumps([one._asdict() for one in figures], indent=1) + "\n")
    elif not sys.stdout.isatty():
        print_result("".join(f"{one.name},{one.value:.6g},{one.unit}\n" for one in figures))


def _show(figures: list[Figure]) -> None:
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    for one in figures:
        digits = 0 if one.value >= 1_000 else 1 if one.value >= 100 else 2
        table.add_row(one.name, f"{one.value:,.{digits}f}", one.unit, f"asked: {one.asked}" if one.asked else "")
    console().print(table)
