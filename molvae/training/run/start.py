"""`train` and `resume`: from the user's arguments to a run."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molvae.config import (
    SIZES,
    CleanConfig,
    ModelConfig,
    Size,
    TrainConfig,
    default_fine_tuning,
    default_size,
    default_training,
    join_names,
    read_toml,
    split_names,
)
from molvae.corpus.cache import clean_cached
from molvae.corpus.cleaning import Corpus, allowed_elements, clean_smiles
from molvae.corpus.labels import LabelSource, describe_labels, find_labels, labels_of, learned
from molvae.corpus.measurements import measurement_of, wide_range
from molvae.corpus.reading import Table, open_table
from molvae.corpus.splitting import split_rows
from molvae.errors import ConfigError, InputError, ModelError, pluralize
from molvae.generator.molvae import MolVAE
from molvae.pretrained.hub import full_name
from molvae.runtime.device import pick_device
from molvae.runtime.distributed import broadcast, connect, is_main, on_main, world_size
from molvae.storage.latest_run import RUNS, is_finished
from molvae.storage.output_folder import BEGUN, held
from molvae.training.run.console_reporter import LineReporter, Reporter
from molvae.training.run.finetune_source import (
    BaseModel,
    adapt_model,
    default_base,
    named_base,
    write_finetune_source,
)
from molvae.training.run.folder import Start, began, clear, end, is_ending, new_folder, read_start, write_start
from molvae.training.run.request import SECTIONS, Request, read_request, write_request
from molvae.training.run.runner import Runner, check_tensorboard

__all__ = ["resume", "train"]


def train(
    source: str | Path | Sequence[str],
    output: str | Path | None = None,
    *,
    smiles_column: str | int | None = None,
    header: bool | None = None,
    where: str | None = None,
    size: Size | None = None,
    config: str | Path | None = None,
    model: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
    cleaning: dict[str, Any] | None = None,
    init_from: str | Path | None = None,
    from_scratch: bool = False,
    properties: Sequence[str] | None = None,
    minutes: float | None = None,
    overwrite: bool = False,
    tensorboard: bool = False,
    verbose: bool = False,
    reporter: Reporter | None = None,
) -> MolVAE:
    """Train a model on a file or a list of molecules.

    Fewer than 50,000 molecules fine-tune the bundled model, unless a size or the shape of a model is given.

    Settings are taken from, in this order of precedence: `model`, `training`, `cleaning`; the file `config`; `size`;
    the defaults for the number of molecules.

    Args:
        source: a file (csv, tsv, smi, sdf, parquet, each also .gz; "-" is standard input), or a list of SMILES.
        output: run folder; by default ``molvae-runs/<stem>-<time>``.
        smiles_column: name or number (from 1) of the column; by default it is found by name or content.
        header: whether the file has a header; detected by default.
        where: an expression that chooses rows of the file, such as ``"Type == 'IC50' and Value > 6"``, as
            `molvae.corpus.row_filter.RowFilter` describes.
        size: preset size of the model; by default it depends on the number of molecules.
        config: a TOML file with tables [model], [training], [cleaning].
        model: fields of `ModelConfig`.
        training: fields of `TrainConfig`.
        cleaning: fields of `CleanConfig`.
        init_from: a model to fine-tune: a model or run folder, the id of a Hugging Face repository, or ``medchem``.
        from_scratch: train a new model, even on few molecules.
        properties: train a property head on each: names of numeric columns of the file, or of
            `molvae.chem.PROPERTIES`. A model to fine-tune keeps its heads for these and loses others.
        minutes: training time; the number of steps is measured at the start and saved in the run folder.
        overwrite: replace an existing run folder.
        tensorboard: also write TensorBoard events.
        verbose: print the progress, a line an epoch.
        reporter: receives the events of the run instead.

    Raises:
        InputError: the file cannot be used, or the folder cannot be written.
        ConfigError: a setting is out of range, or contradicts the model to fine-tune.
        ModelError: the model to fine-tune cannot be read.
    """
    if properties is not None:
        model = {**(model or {}), "properties": properties if isinstance(properties, str) else join_names(properties)}
    if minutes is not None:
        training = {**(training or {}), "minutes": minutes}
    given = _settings(config, model=model, training=training, cleaning=cleaning)
    start_from = init_from if init_from is not None else (training or {}).get("init_from")
    _settle_init_from(given["training"], start_from, from_scratch=from_scratch)
    if size is not None and size not in SIZES:
        raise ConfigError(f"size must be one of {', '.join(SIZES)}, not {size!r}")
    if tensorboard:
        check_tensorboard()
    if hasattr(source, "columns"):
        raise InputError("give a column of SMILES, as in table['smiles'], not the table")
    file = source if isinstance(source, (str, Path)) and str(source) != "-" else None
    stem = Path(file).name.split(".")[0] if file else "molecules"
    folder = broadcast(Path(output) if output else RUNS / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}")
    path = str(Path(file).absolute()) if file and Path(file).is_file() else None
    request = Request(path, smiles_column, header, size, given, where)
    reporter = _main_reporter(reporter, verbose=verbose)

    def prepare() -> Start:
        what, labels = _open(source, request)
        base = named_base(request)  # reports a wrong model before anything is written
        holding.enter_context(held(folder))
        with new_folder(folder, overwrite=overwrite) as replaces:
            write_request(folder, request)
            if request.source and not replaces:
                reporter.started(folder)
            return _prepared(folder, what, labels, request, base, reporter)

    with ExitStack() as holding:
        return Runner(folder, _shared(folder, prepare), reporter, tensorboard=tensorboard).run()


def resume(
    folder: str | Path,
    *,
    minutes: float | None = None,
    tensorboard: bool = False,
    verbose: bool = False,
    reporter: Reporter | None = None,
) -> MolVAE:
    """Resume a stopped run. On CPU it ends with the same weights as without the stop.

    Args:
        folder: the run folder.
        minutes: end a run of ``schedule="stable"`` in this time, in which its learning rate decays to zero; None
            continues as planned.
        tensorboard: also write TensorBoard events.
        verbose, reporter: as in `train`.

    Raises:
        ModelError: the folder holds no run, or one that is finished or damaged.
        ConfigError: `minutes` are given, and the run has another schedule.
    """
    if minutes is not None:
        TrainConfig(minutes=minutes)  # reports a wrong time before anything is read
    path = Path(folder)
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise ModelError(f"{path} {what}; give a run folder, which 'molvae train' writes")
    if is_finished(path):
        raise ModelError(f"the run in {path} is finished; there is nothing to resume")
    reporter = _main_reporter(reporter, verbose=verbose)
    if world_size() > 1:
        given = (read_toml(path / BEGUN, SECTIONS) if began(path) else read_request(path).given)["training"]
        _connect(TrainConfig(**given))
    with ExitStack() as holding:
        on_main(lambda: holding.enter_context(held(path)))
        if on_main(lambda: is_ending(path)):
            on_main(lambda: end(path))
            vae = MolVAE.from_pretrained(path)
            reporter.done(path, int(vae.card["figures"].get("epoch", 0)))
            return vae

        def prepare() -> Start:
            if began(path):
                start = read_start(path)
            else:
                request = read_request(path)
                reporter.started(path)
                start = _prepared(path, *_open(str(request.source), request), request, named_base(request), reporter)
            clear(path)
            return start

        return Runner(path, _shared(path, prepare), reporter, tensorboard=tensorboard, minutes=minutes).run()


def _connect(config: TrainConfig) -> None:
    connect(cpu=pick_device(config.device).type == "cpu")


def _main_reporter(reporter: Reporter | None, *, verbose: bool) -> Reporter:
    """The reporter of this process: of several processes, only the main one reports."""
    if not is_main():
        return Reporter()
    return reporter or (LineReporter(_print) if verbose else Reporter())


def _print(text: str, style: str = "") -> None:
    print(text, flush=True)  # noqa: T201 - that is what verbose asks for


def _open(source: str | Path | Sequence[str], request: Request) -> tuple[Table | Sequence[str], list[LabelSource]]:
    """The molecules, and the sources of their labels."""
    names = split_names(request.given["model"].get("properties", ""))
    if not isinstance(source, (str, Path)):
        if request.where is not None:
            raise ConfigError("where chooses rows of a file by its columns; a list of SMILES has none")
        return source, find_labels(names, None)
    table = open_table(source, smiles_column=request.smiles_column, header=request.header).where(request.where)
    labels = find_labels(names, table)
    return table.with_measured([name for name, computed in labels if not computed]), labels


def _shared(folder: Path, prepare: Callable[[], Start]) -> Start:
    """Prepare the start in the main process; the others read it from the folder."""
    here: list[Start] = []
    on_main(lambda: here.append(prepare()))
    return here[0] if here else read_start(folder)


def _prepared(
    folder: Path,
    what: Table | Sequence[str],
    sources: list[LabelSource],
    request: Request,
    base: BaseModel | None,
    reporter: Reporter,
) -> Start:
    """Clean and split the molecules, choose defaults by their number, and write the start."""
    given = request.given
    clean_config = CleanConfig(**given["cleaning"])
    corpus = _clean(what, clean_config, folder / "rejected.csv", reporter)
    if isinstance(what, Table):
        _tell_of_measurements(what, sources, reporter)
    if computed := [source.name for source in sources if source.computed]:
        reporter.plan(f"{', '.join(computed)} of {pluralize(len(corpus), 'molecule')} from RDKit ...")
    labels = labels_of(corpus, sources)
    n = len(corpus)
    if base is None:
        base, message = default_base(request, n)
        if message:
            reporter.plan(message)
    shape = base.vae.config if base else SIZES[request.size or default_size(n)]
    names = [source.name for source in sources]
    heads = {"properties": join_names(names), "log": join_names(_log_names(given["model"].get("log", ""), names))}
    model = shape.replace(**{**given["model"], **heads})
    values = learned(labels.to_numpy(), model)
    if sources:
        reporter.plan(describe_labels(sources, values, model.quantities))
        _warn_of_wide_ranges(model, values, reporter)
    defaults = default_fine_tuning(n) if base else default_training(n)
    config = TrainConfig(**{**defaults, **given["training"], "init_from": base.name if base else ""})
    parts = split_rows(corpus.smiles, config.split, valid=config.valid, test=config.test, seed=config.seed)
    start = Start(corpus.smiles, parts, values, model, config, clean_config, None)
    scales = start.scales()
    if base is not None:
        origin = adapt_model(base.vae, corpus.smiles, scales, config=model, seed=config.seed)
        write_finetune_source(folder, origin)
        reporter.new_tokens(base.name, origin.new_tokens)
        if left := [name for name in base.vae.config.heads if name not in scales]:
            reporter.plan(f"{base.name} loses its heads for {', '.join(left)}: --properties names those to keep")
        start = start._replace(origin=origin)
    write_start(folder, start, corpus, labels)
    return start


def _log_names(text: str, properties: Sequence[str]) -> list[str]:
    """The properties whose logarithm is learned, of those that a user names in any case.

    Raises:
        ConfigError: a name is no property.
    """
    folded = {name.casefold(): name for name in reversed(properties)}
    found = [name if name in properties else folded.get(name.casefold(), "") for name in split_names(text)]
    if "" in found:
        wrong = split_names(text)[found.index("")]
        there = f"these are {', '.join(properties)}" if properties else "name these with --properties"
        raise ConfigError(f"--log names {wrong!r}, which is no property that the model learns; {there}")
    return found


def _tell_of_measurements(table: Table, sources: Sequence[LabelSource], reporter: Reporter) -> None:
    for source in sources:
        found = None if source.computed else measurement_of(table, source.name)
        if found is not None:
            reporter.plan(found.describe())
            if warning := found.warning():
                reporter.warning(warning)


def _warn_of_wide_ranges(model: ModelConfig, labels: NDArray[np.float64], reporter: Reporter) -> None:
    for name, quantity, values in zip(model.heads, model.quantities, labels.T, strict=True):
        warning = wide_range(name, values, f"--log {shlex.quote(join_names([name]))}") if name == quantity else None
        if warning is not None:
            reporter.warning(warning)


def _settle_init_from(training: dict[str, Any], init_from: str | Path | None, *, from_scratch: bool) -> None:
    """Set `init_from` in the settings of training, if the user gave it; "" trains from scratch."""
    if from_scratch and init_from:
        raise ConfigError(f"from_scratch trains a new model, init_from starts from {init_from}: give one of them")
    if from_scratch:
        training["init_from"] = ""
    elif init_from is not None:
        training["init_from"] = str(init_from)
    if training.get("init_from"):
        training["init_from"] = full_name(training["init_from"])


def _settings(config: str | Path | None, **fields: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """All settings of the user, by table; reports a wrong setting before anything is written."""
    given = read_toml(Path(config), SECTIONS) if config else {name: {} for name in SECTIONS}
    for name, section in SECTIONS.items():
        given[name].update(fields[name] or {})
        section(**given[name])
    _connect(TrainConfig(**given["training"]))
    allowed_elements(CleanConfig(**given["cleaning"]).elements)
    return given


def _clean(what: Table | Sequence[str], config: CleanConfig, rejected: Path, reporter: Reporter) -> Corpus:
    if isinstance(what, Table):
        reporter.table(what.describe())
        corpus, known = clean_cached(what, config, rejected=rejected, on_progress=reporter.cleaning)
        if known:
            reporter.table(f"{what.name} was cleaned before with these settings; using that result")
    else:
        corpus = clean_smiles(what, config, rejected=rejected, on_progress=reporter.cleaning)
    reporter.cleaned(corpus.counts, rejected)
    return corpus
