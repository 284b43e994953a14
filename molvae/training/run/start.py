"""`train` and `resume`: from what a user gives to a session of training."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from molvae.config import (
    SIZES,
    CleanConfig,
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
from molvae.corpus.labels import LabelSource, describe_labels, find_labels, labels_of
from molvae.corpus.reading import Table, open_table
from molvae.corpus.splitting import split_rows
from molvae.errors import ConfigError, InputError, ModelError, pluralize
from molvae.generator.molvae import MolVAE
from molvae.pretrained.hub import full_name
from molvae.runtime.device import pick_device
from molvae.runtime.distributed import broadcast, connect, is_main, on_main, world_size
from molvae.storage.latest_run import RUNS, is_finished
from molvae.storage.output_folder import BEGUN, held
from molvae.training.run.base_model import Base, default_base, named_base
from molvae.training.run.console_reporter import LineReporter
from molvae.training.run.finetune_source import adapted, write_origin
from molvae.training.run.folder import Start, began, clear, end, is_ending, new_folder, read_start, write_start
from molvae.training.run.reporter import Reporter
from molvae.training.run.request import SECTIONS, Request, read_request, write_request
from molvae.training.run.runner import Session, check_tensorboard

__all__ = ["resume", "train"]


def train(
    source: str | Path | Sequence[str],
    output: str | Path | None = None,
    *,
    smiles_column: str | int | None = None,
    header: bool | None = None,
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

    Few molecules fine-tune the bundled model, where there is one and neither a size nor the shape of a model is asked
    for.

    Settings come from, later ones first: `model`, `training`, `cleaning`; the file `config`; `size`; the defaults for
    the number of molecules.

    Args:
        source: a file (csv, tsv, smi, sdf, parquet, each also .gz; "-" is standard input), or a list of SMILES.
        output: the run folder; by default ``molvae-runs/<stem>-<time>``.
        smiles_column: name or number (from 1) of the column; found by name or content by default.
        header: whether the file has one; found by default.
        size: preset of the model; by the number of molecules by default.
        config: a TOML file with tables [model], [training], [cleaning].
        model: fields of `ModelConfig`.
        training: fields of `TrainConfig`.
        cleaning: fields of `CleanConfig`.
        init_from: a model to fine-tune: a model or run folder, the id of a Hugging Face repository, or ``bundled``.
        from_scratch: start from nothing, however few the molecules.
        properties: train a head on each: names of numeric columns of the file, or of `molvae.chem.PROPERTIES`. Heads
            that a model to fine-tune has for these are kept, and no others.
        minutes: train for so long; the number of steps is measured at the start, and written to the run folder.
        overwrite: replace an existing run folder.
        tensorboard: write TensorBoard events too.
        verbose: print what goes on, a line an epoch.
        reporter: hears what goes on, instead.

    Raises:
        InputError: the file cannot be used, or the folder cannot be written.
        ConfigError: a setting is out of range, or contradicts the model to start from.
        ModelError: the model to start from cannot be read.
    """
    if properties is not None:
        model = {**(model or {}), "properties": properties if isinstance(properties, str) else join_names(properties)}
    if minutes is not None:
        training = {**(training or {}), "minutes": minutes}
    given = _settings(config, model=model, training=training, cleaning=cleaning)
    asked = init_from if init_from is not None else (training or {}).get("init_from")
    _settle_beginning(given["training"], asked, from_scratch=from_scratch)
    if size is not None and size not in SIZES:
        raise ConfigError(f"size must be one of {', '.join(SIZES)}, not {size!r}")
    if tensorboard:
        check_tensorboard()
    if hasattr(source, "columns"):
        raise InputError("a table is not read; give its column of SMILES, as in table['smiles']")
    file = source if isinstance(source, (str, Path)) and str(source) != "-" else None
    stem = Path(file).name.split(".")[0] if file else "molecules"
    folder = broadcast(Path(output) if output else RUNS / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}")
    again = str(Path(file).absolute()) if file and Path(file).is_file() else None
    request = Request(again, smiles_column, header, size, given)
    said = _told(reporter, verbose=verbose)

    def prepare() -> Start:
        what, labels = _opened(source, request)
        base = named_base(request)  # what is wrong with it is said before anything is written
        holding.enter_context(held(folder))
        with new_folder(folder, overwrite=overwrite) as replaces:
            write_request(folder, request)
            if request.source and not replaces:
                said.started(folder)
            return _prepared(folder, what, labels, request, base, said)

    with ExitStack() as holding:
        return Session(folder, _shared(folder, prepare), said, tensorboard=tensorboard).run()


def resume(
    folder: str | Path,
    *,
    minutes: float | None = None,
    tensorboard: bool = False,
    verbose: bool = False,
    reporter: Reporter | None = None,
) -> MolVAE:
    """Go on with a run that was stopped; on CPU it ends with the weights it would have had.

    Args:
        folder: the run folder.
        minutes: end a run of ``schedule="stable"`` in so many: its learning rate falls to zero in that time. None goes
            on as planned.
        tensorboard: write TensorBoard events too.
        verbose, reporter: as in `train`.

    Raises:
        ModelError: the folder is no run, is finished, or is damaged.
        ConfigError: `minutes` are given, and the run has another schedule.
    """
    if minutes is not None:
        TrainConfig(minutes=minutes)  # a time that will not do is said before anything is read
    path = Path(folder)
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise ModelError(f"{path} {what}; a run folder is what 'molvae train' wrote")
    if is_finished(path):
        raise ModelError(f"the run in {path} is finished; there is nothing to resume")
    said = _told(reporter, verbose=verbose)
    if world_size() > 1:
        given = (read_toml(path / BEGUN, SECTIONS) if began(path) else read_request(path).given)["training"]
        _connect(TrainConfig(**given))
    with ExitStack() as holding:
        on_main(lambda: holding.enter_context(held(path)))
        if on_main(lambda: is_ending(path)):
            on_main(lambda: end(path))
            vae = MolVAE.from_pretrained(path)
            said.done(path, int(vae.card["figures"].get("epoch", 0)))
            return vae

        def prepare() -> Start:
            if began(path):
                start = read_start(path)
            else:
                request = read_request(path)
                said.started(path)
                start = _prepared(path, *_opened(str(request.source), request), request, named_base(request), said)
            clear(path)
            return start

        return Session(path, _shared(path, prepare), said, tensorboard=tensorboard, minutes=minutes).run()


def _connect(config: TrainConfig) -> None:
    connect(cpu=pick_device(config.device).type == "cpu")


def _told(reporter: Reporter | None, *, verbose: bool) -> Reporter:
    """Who hears what goes on: of several processes only the main one tells."""
    if not is_main():
        return Reporter()
    return reporter or (LineReporter(_print) if verbose else Reporter())


def _print(text: str, style: str = "") -> None:
    print(text, flush=True)  # noqa: T201 - that is what verbose asks for


def _opened(source: str | Path | Sequence[str], request: Request) -> tuple[Table | Sequence[str], list[LabelSource]]:
    """The molecules, and where the labels come from that the run is to have."""
    names = split_names(request.given["model"].get("properties", ""))
    if not isinstance(source, (str, Path)):
        return source, find_labels(names, None)
    table = open_table(source, smiles_column=request.smiles_column, header=request.header)
    labels = find_labels(names, table)
    return table.carrying([name for name, computed in labels if not computed]), labels


def _shared(folder: Path, prepare: Callable[[], Start]) -> Start:
    """What the main process prepares; the others read it from the folder."""
    here: list[Start] = []
    on_main(lambda: here.append(prepare()))
    return here[0] if here else read_start(folder)


def _prepared(
    folder: Path,
    what: Table | Sequence[str],
    sources: list[LabelSource],
    request: Request,
    base: Base | None,
    said: Reporter,
) -> Start:
    """Clean, split, settle what depends on the number of molecules, and write it all down."""
    given = request.given
    clean_config = CleanConfig(**given["cleaning"])
    corpus = _clean(what, clean_config, folder / "rejected.csv", said)
    if computed := [source.name for source in sources if source.computed]:
        said.plan(f"{', '.join(computed)} of {pluralize(len(corpus), 'molecule')} from RDKit ...")
    labels = labels_of(corpus, sources)
    if sources:
        said.plan(describe_labels(sources, labels))
    n = len(corpus)
    if base is None:
        base, why = default_base(request, n)
        if why:
            said.plan(why)
    shape = base.vae.config if base else SIZES[request.size or default_size(n)]
    model = shape.replace(**{**given["model"], "properties": join_names(source.name for source in sources)})
    defaults = default_fine_tuning(n) if base else default_training(n)
    how = TrainConfig(**{**defaults, **given["training"], "init_from": base.name if base else ""})
    parts = split_rows(corpus.smiles, how.split, valid=how.valid, test=how.test, seed=how.seed)
    start = Start(corpus.smiles, parts, labels.to_numpy(), model, how, clean_config, None)
    scales = start.scales()
    if base is not None:
        origin = adapted(base.vae, corpus.smiles, scales, config=model, seed=how.seed)
        write_origin(folder, origin)
        said.new_tokens(base.name, origin.new_tokens)
        if left := [name for name in base.vae.config.heads if name not in scales]:
            said.plan(f"what {base.name} knows of {', '.join(left)} is left out: --properties names what is kept")
        start = start._replace(origin=origin)
    write_start(folder, corpus, labels, parts, {"model": model, "training": how, "cleaning": clean_config})
    return start


def _settle_beginning(training: dict[str, Any], init_from: str | Path | None, *, from_scratch: bool) -> None:
    """Write into the settings of training what they are to begin with, if that was said: "" is nothing."""
    if from_scratch and init_from:
        raise ConfigError(f"from_scratch trains from nothing, init_from from {init_from}: give one of them")
    if from_scratch:
        training["init_from"] = ""
    elif init_from is not None:
        training["init_from"] = str(init_from)
    if training.get("init_from"):
        training["init_from"] = full_name(training["init_from"])


def _settings(config: str | Path | None, **fields: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """All that the user set, by table; a bad setting is said here, before anything is written."""
    given = read_toml(Path(config), SECTIONS) if config else {name: {} for name in SECTIONS}
    for name, section in SECTIONS.items():
        given[name].update(fields[name] or {})
        section(**given[name])
    _connect(TrainConfig(**given["training"]))
    allowed_elements(CleanConfig(**given["cleaning"]).elements)
    return given


def _clean(what: Table | Sequence[str], config: CleanConfig, rejected: Path, said: Reporter) -> Corpus:
    if isinstance(what, Table):
        said.table(what.describe())
        corpus, known = clean_cached(what, config, rejected=rejected, on_progress=said.cleaning)
        if known:
            said.table(f"{what.name} was cleaned before, with these settings; that is used again")
    else:
        corpus = clean_smiles(what, config, rejected=rejected, on_progress=said.cleaning)
    said.cleaned(corpus.counts, rejected)
    return corpus
