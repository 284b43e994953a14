"""``molvae benchmark``: one command for each benchmark."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.console import command, console, print_json, print_result, print_status
from molvae.cli.options import AsJson, Device, ModelName, SmilesColumn, Workers
from molvae.cli.progress import ProgressDisplay
from molvae.cli.suggest import MeasuredColumn, Measurements, read_measurements
from molvae.config import ModelConfig, TrainConfig, split_names
from molvae.errors import ConfigError, InputError, pluralize

if TYPE_CHECKING:
    from molvae.benchmarks.optimization import Job
    from molvae.benchmarks.throughput import Figure

__all__ = ["benchmark"]

benchmark = typer.Typer(no_args_is_help=True, help="Measure quality and speed, and compare with other models.")

ZincModel = Annotated[
    str | None, typer.Option("--model", help="Generator. Default: one trained on ZINC-250k, now if necessary.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random choices.")]

_MOSES_SIZE = ModelConfig(latent_dim=128, encoder_hidden=256, decoder_hidden=512, decoder_layers=3)
_FURTHER = {"top1": "the best", "top10": "the ten best", "top10_diverse": "the ten best unlike ones"}
_PUBLISHED = ("Graph GA", "Genetic GFN", "Tanimoto GP BO", "InVirtuoGen")


class Part(StrEnum):
    """The parts of the throughput benchmark."""

    TRAINING = "training"
    TRANSPORT = "transport"
    DECODING = "decoding"
    SAMPLING = "sampling"
    CLEANING = "cleaning"
    STARTING = "starting"


@benchmark.command()
@command
def moses(
    model: ModelName = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Strings to sample; 30,000 in the protocol.")] = 30_000,
    seed: Seed = 0,
    test_molecules: Annotated[int, typer.Option(min=2, help="Test molecules to reconstruct.")] = 5_000,
    repair: Annotated[bool, typer.Option("--repair", help="Add a row with invalid strings repaired.")] = False,
    flow: Annotated[bool, typer.Option("--flow", help="Add a row with a flow as prior.")] = False,
    device: Device = "auto",
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate one model by the MOSES protocol, beside published results.

    Strings are sampled from N(0, I) at temperature 1 without any filter. The same weights give the reconstruction of
    test molecules and the figures of the latent space. The data set is that of `molvae download moses`.
    """
    print_status("loading torch and RDKit ...", "dim")
    from molvae.benchmarks.moses import moses_rows
    from molvae.cli.figures import print_figures
    from molvae.cli.models import load_model
    from molvae.metrics.chemnet import has_chemnet

    vae = load_model(model, device)
    if not has_chemnet():
        print_status('FCD is left out: it needs an extra, pip install "molvae[fcd]"', "yellow")
    with ProgressDisplay() as show:
        rows = moses_rows(
            vae, n=n, test_molecules=test_molecules, repair=repair, flow=flow, seed=seed, workers=workers, watch=show
        )
    print_figures(rows, as_json=as_json, published=True)


@benchmark.command()
@command
def optimization(
    tasks: Annotated[str | None, typer.Option(help="Tasks, separated by commas. Default: all.")] = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Methods, separated by commas: molvae, no-latent, latent-only, frozen, no-surrogate, "
            "latent-surrogate, screening, cma-es, reinforcement."
        ),
    ] = "molvae",
    seeds: Annotated[int, typer.Option(min=1, help="Number of runs, with the seeds from 0.")] = 1,
    budget: Annotated[
        str, typer.Option(help="Calls of a run; or several such numbers, as 100,300,1000. The protocol has 10000.")
    ] = "10000",
    model: ZincModel = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder; its runs are not repeated. Of several budgets, each has its own."),
    ] = Path("pmo"),
    workers: Annotated[int, typer.Option(min=1, help="Runs at a time, each on one thread.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Evaluate searches by the PMO protocol, beside published results.

    The benchmark has the twenty tasks that need only RDKit, with their oracles as of August 2022. Each run may score
    10,000 molecules. The figure of merit is the area under the curve of the mean of the ten best. With fewer calls,
    the best, the ten best, and the ten best that are unlike each other (Tanimoto similarity below 0.4) are printed,
    too. The folder keeps every call, so that all figures can be computed again. The data set is that of
    `molvae download zinc250k`.

    molvae benchmark optimization --methods molvae,no-latent --budget 100,300,1000 --seeds 10
    """
    budgets = _budgets(budget)
    print_status("loading torch and RDKit ...", "dim")
    from molvae.benchmarks.optimization import Setup, jobs_of, run_all, zinc_generator
    from molvae.corpus.datasets import find
    from molvae.optimization.objectives.tasks import TASKS

    jobs = jobs_of(split_names(methods), split_names(tasks) if tasks else list(TASKS), seeds)
    library = find("zinc250k")
    needs_model = any(job.method != "screening" for job in jobs)
    name = model if model is not None or not needs_model else str(zinc_generator())
    found: dict[int, dict[Job, Mapping[str, float]]] = {}
    for calls in budgets:
        folder = output if len(budgets) == 1 else output / str(calls)
        for job, figures in run_all(jobs, Setup(name or "", library, folder, calls), workers=workers):
            found.setdefault(calls, {})[job] = figures
            line = f"AUC top-10 {figures['auc_top10']:.3f}, best {figures['top1']:.3f}, {figures['seconds']:.0f} s"
            print_status(f"{calls:,} calls, {job.method}, {job.task}, seed {job.seed}: {line}")
    rows = [(job, one) for runs in found.values() for job, one in runs.items()]
    if as_json:
        print_json([{**job._asdict(), **one} for job, one in rows])
    elif sys.stdout.isatty():
        for calls, runs in found.items():
            _print_areas(runs, calls)
    else:
        names = list(dict.fromkeys(key for _, one in rows for key in one))
        print_result(",".join(["method", "task", "seed", *names]) + "\n")
        for job, one in rows:
            values = ["" if key not in one else _number(one[key]) for key in names]
            print_result(",".join([job.method, job.task, str(job.seed), *values]) + "\n")


def _budgets(text: str) -> list[int]:
    """Numbers of calls, ascending.

    Raises:
        ConfigError: one is not a number above 0.
    """
    names = split_names(text)
    if not names or not all(one.isdecimal() and int(one) for one in names):
        raise ConfigError(f"--budget takes numbers of calls above 0, as 100,300,1000, not {text!r}")
    return sorted({int(one) for one in names})


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _print_areas(found: Mapping[Job, Mapping[str, float]], calls: int) -> None:
    """Print the areas of all tasks beside published ones, which have 10,000 calls; of fewer calls, further figures."""
    from rich.console import Console
    from rich.table import Table

    from molvae.benchmarks.optimization import over_seeds
    from molvae.optimization.protocol import BUDGET
    from molvae.optimization.published import CHANGED_BY_THE_FIX, published

    ours, known = over_seeds(found), published() if calls == BUDGET else {}
    others = [known[name] for name in _PUBLISHED if name in known]
    table = Table(
        box=None, pad_edge=False, header_style="bold", title=f"{calls:,} calls: area under the mean of the ten best"
    )
    table.add_column("")
    for method in ours:
        table.add_column(method, justify="right", style="bold")
    for name in _PUBLISHED:
        if name in known:
            table.add_column(name, justify="right", style="dim")
    tasks = list(dict.fromkeys(job.task for job in found))
    for task in tasks:
        own = [_area(ours[method].get(task)) for method in ours]
        old = [
            ""
            if task not in one.auc_top10 or (one.before_the_fix and task in CHANGED_BY_THE_FIX)
            else f"{one.auc_top10[task]:.3f}"
            for one in others
        ]
        table.add_row(task, *own, *old)
    old = [
        ""
        if one.before_the_fix or not one.auc_top10.keys() >= set(tasks)
        else f"{sum(one.auc_top10[task] for task in tasks):.3f}"
        for one in others
    ]
    table.add_row("sum", *(_area(ours[method]["sum"]) for method in ours), *old)
    for figure, title in _FURTHER.items() if calls < BUDGET else ():
        sums = over_seeds(found, figure)
        table.add_row(f"sum of {title}", *(_area(sums[method]["sum"]) for method in sums))
    Console(highlight=False).print(table)


def _area(area: tuple[float, float] | None) -> str:
    if area is None:
        return ""
    mean, deviation = area
    return f"{mean:.3f}" if math.isnan(deviation) else f"{mean:.3f} ± {deviation:.3f}"


@benchmark.command()
@command
def leads(
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=100, help="Number of leads.")] = 100,
    similarity: Annotated[float, typer.Option(min=0.0, max=1.0, help="Least similarity to the lead.")] = 0.4,
    budget: Annotated[int, typer.Option(min=20, help="Calls of the objective for each lead.")] = 1_000,
    seed: Seed = 0,
    model: ZincModel = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder; its leads are not repeated.")] = Path("leads"),
    workers: Annotated[int, typer.Option(min=1, help="Leads at a time, each on one thread.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Improve leads and stay similar to them: the gain of logP - SA at a similarity of 0.4 or more.

    The leads are every eighth of the 800 molecules of ZINC-250k with the lowest logP - SA. The result is the mean gain
    after 20, 100 and 1,000 calls of the objective for each lead. The data set is that of `molvae download zinc250k`.
    """
    print_status("loading torch and RDKit ...", "dim")
    from molvae.benchmarks.leads import LeadSetup, improve_all, leads_of, summary
    from molvae.benchmarks.optimization import zinc_generator
    from molvae.corpus.datasets import find
    from molvae.corpus.reading import read_smiles

    chosen = leads_of(read_smiles(find("zinc250k")), n)
    setup = LeadSetup(model if model is not None else str(zinc_generator()), output, similarity, budget, seed)
    found = []
    for one in improve_all(chosen, setup, workers=workers):
        found.append(one)
        gains = ", ".join(f"+{gain:.2f} after {calls}" for calls, gain in one["improvement"].items())
        print_status(f"{len(found)} of {len(chosen)}: {one['lead']} ({one['start']:.2f}): {gains}")
    table = summary(found)
    if as_json:
        print_json({"summary": table, "leads": found})
    else:
        rows = [
            f"{calls},{row['improvement']:.4f},{row['standard_error']:.4f},{row['improved']:.3f}"
            for calls, row in table.items()
        ]
        print_result("\n".join(["calls,improvement,standard_error,improved", *rows]) + "\n")


@benchmark.command()
@command
def outliers(
    file: Annotated[
        str | None, typer.Argument(help="Molecules like the training molecules. Default: MOSES test split.")
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=2, help="Molecules of each set.")] = 1_000,
    importance: Annotated[int, typer.Option(min=1, help="Draws of the importance-weighted bound.")] = 16,
    seed: Seed = 0,
    model: ModelName = None,
    smiles_column: SmilesColumn = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure how well the scores of `molvae score` detect outliers.

    The outliers consist of tokens that the model knows: the molecules of the file with random edits, or cut off;
    peptides; and ZINC-250k if it was downloaded. The result is the area under the ROC curve, 0.5 for random guesses,
    beside that of the length alone.
    """
    print_status("loading torch and RDKit ...", "dim")
    import numpy as np

    from molvae.benchmarks.outliers import auroc_table, outliers_of
    from molvae.chem import canonical, quiet_rdkit
    from molvae.cli.models import load_model
    from molvae.corpus.datasets import find
    from molvae.corpus.reading import read_smiles

    if file is None:
        _check_no_columns(smiles_column=smiles_column)
    texts = read_smiles(find("moses_test") if file is None else file, smiles_column=smiles_column)
    vae = load_model(model, device)
    order = np.random.default_rng(seed).permutation(len(texts))[:n]
    with quiet_rdkit():
        molecules = [one for one in (canonical(texts[row]) for row in order) if one is not None]
    if not molecules:
        raise InputError("the file has no molecule")
    print_status(f"{pluralize(len(molecules), 'molecule')}, and outliers made from them")
    others = outliers_of(molecules, [token for token in vae.tokenizer if not token.startswith("<")], seed=seed)
    _print_frame(auroc_table(vae, molecules, others, importance=importance, seed=seed), "others", as_json=as_json)


@benchmark.command()
@command
def descriptors(
    file: Annotated[str | None, typer.Argument(help="Measured molecules. Default: CHEMBL2321810, of RDKit.")] = None,
    column: MeasuredColumn = None,
    seed: Seed = 0,
    model: ModelName = None,
    smiles_column: SmilesColumn = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure how well latent points predict a measured column, beside fingerprints.

    The result is R2 of five-fold cross-validation with ridge regression, a support vector machine and a random forest:
    with random folds, and with folds that hold out whole scaffolds. Molecules that the model cannot encode are left
    out.
    """
    print_status("loading torch and RDKit ...", "dim")
    import numpy as np

    from molvae.benchmarks.descriptors import cross_validated, descriptors_of, known_series
    from molvae.cli.models import load_model

    if file is None:
        _check_no_columns(column=column, smiles_column=smiles_column)
        series = known_series()
        measured = Measurements("activity", series["smiles"].tolist(), series["activity"].to_numpy(np.float64))
    else:
        measured = read_measurements(file, column, smiles_column)
    present = np.isfinite(measured.values)
    smiles = np.asarray(measured.smiles, dtype=object)[present]
    vae = load_model(model, device)
    features, known = descriptors_of(vae, smiles.tolist())
    if known.sum() < 10:
        raise InputError(f"the model can encode only {pluralize(int(known.sum()), 'measured molecule')}")
    count = pluralize(int(known.sum()), "molecule")
    print_status(f"{count} with {measured.name}; {(~known).sum():,} cannot be encoded")
    table = cross_validated(features, smiles[known].tolist(), measured.values[present][known], seed=seed)
    _print_frame(table, "descriptors", as_json=as_json)


def _check_no_columns(**options: str | None) -> None:
    """Raise `ConfigError` if an option that names a column was given without a file."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise ConfigError(f"{' and '.join(given)} {'need' if len(given) > 1 else 'needs'} a file")


def _print_frame(table: Any, index: str, *, as_json: bool) -> None:
    """Print a table on stdout: as JSON, or as csv with three digits."""
    print_result(
        table.to_json(orient="index", indent=1) + "\n" if as_json else table.round(3).to_csv(index_label=index)
    )


@benchmark.command()
@command
def throughput(
    file: Annotated[Path, typer.Argument(help="Molecules, such as data/moses_sample.csv.")],
    model: Annotated[str | None, typer.Option(help="Model for transport, sampling and starting.")] = None,
    part: Annotated[list[Part] | None, typer.Option(help="Only this part; may be repeated.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Molecules of the sampling part.")] = 20_000,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Molecules of a step.")] = 512,
    steps: Annotated[int, typer.Option(min=1, help="Training steps of a measurement.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements; their median is printed.")] = 3,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure the speed of training, decoding, sampling, cleaning and starting.

    The methods take turns in one run, and the medians are printed. The model has the size of the MOSES VAE (4.6 million
    parameters). It is compared with a textbook implementation (fp32, packed sequences, 100 steps for every string) and
    with the speed of a large matrix product on the same machine. stdout has lines name,value,unit.
    """
    print_status("loading torch and RDKit ...", "dim")
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
        _print_speeds(new)

    smiles = clean(open_table(file)).smiles
    tokenizer = SmilesTokenizer.from_smiles(smiles)
    corpus = TokenizedCorpus(smiles, tokenizer)
    if Part.TRAINING in wanted:
        show(TrainingSpeed(corpus, _MOSES_SIZE, batch_size, steps, rounds, device).run())
    vae = load_model(model, device) if model is not None else None
    if Part.TRANSPORT in wanted and vae is not None:
        # It costs most where a step is short: with the batch size of a default run.
        size = TrainConfig().batch_size
        blocks = -(-TrainConfig().block_size // size)
        known = TokenizedCorpus(smiles, vae.tokenizer)
        show(TrainingSpeed(known, vae.config, size, blocks, rounds, device, vae.model).transport())
    if Part.DECODING in wanted:
        show(SamplingSpeed(tokenizer, _MOSES_SIZE, batch_size, rounds, device).run())
    if Part.SAMPLING in wanted and vae is not None:
        show(stream_speed(vae, n))
    if Part.CLEANING in wanted:
        show(cleaning_speed(file, rounds))
    if Part.STARTING in wanted:
        show(starting_speed(Path(model) if model is not None else None, rounds))
    if as_json:
        print_json([one._asdict() for one in figures])
    elif not sys.stdout.isatty():
        print_result("".join(f"{one.name},{one.value:.6g},{one.unit}\n" for one in figures))


def _print_speeds(figures: list[Figure]) -> None:
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    for one in figures:
        digits = 0 if one.value >= 1_000 else 1 if one.value >= 100 else 2
        table.add_row(one.name, f"{one.value:,.{digits}f}", one.unit, f"target: {one.asked}" if one.asked else "")
    console().print(table)
