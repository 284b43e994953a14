"""Options that several commands share, and `with_options`, which gives a command a bundle of options."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Optional, get_type_hints

import typer

from molvae.config import Decoding, ModelConfig, Settings

__all__ = [
    "STDOUT",
    "AsJson",
    "BatchSize",
    "Device",
    "Grid",
    "ModelName",
    "MoleculeFile",
    "MoleculesOutput",
    "NovelOnly",
    "NovelTautomers",
    "Properties",
    "RowOptions",
    "SmilesColumn",
    "TableOutput",
    "Where",
    "Workers",
    "check_outputs",
    "with_options",
]

STDOUT = Path("-")
"""The value of ``--output`` that means standard output."""

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Folder, Hugging Face id, medchem or moses. Default: $MOLVAE_MODEL, the newest finished run, medchem.",
    ),
]
Device = Annotated[str, typer.Option("--device", "-d", help="auto, cpu, cuda, cuda:N or mps.")]
BatchSize = Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Molecules processed together.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Number of RDKit processes. Default: all cores.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MoleculeFile = Annotated[
    str, typer.Argument(help="Molecules: csv, tsv, smi, sdf or parquet, also gzipped; - is standard input.")
]
SmilesColumn = Annotated[
    str | None, typer.Option("--smiles-column", "-s", help="Name or number of the SMILES column. Default: detected.")
]
Where = Annotated[
    str | None,
    typer.Option("--where", help="Use only the rows that fulfil this, as \"Type == 'IC50' and Value > 6\"."),
]
TableOutput = Annotated[
    Path | None, typer.Option("--output", "-o", help="csv, tsv or parquet file; - is csv on standard output (default).")
]
MoleculesOutput = Annotated[
    Path | None, typer.Option("--output", "-o", help="csv, tsv, smi, sdf or parquet file; - is csv on standard output.")
]
Grid = Annotated[Path | None, typer.Option("--grid", help="Draw the molecules into this svg or png file.")]
NovelOnly = Annotated[
    bool,
    typer.Option("--novel", help="Leave out the molecules of the training file and their stereoisomers."),
]
NovelTautomers = Annotated[bool, typer.Option("--novel-tautomers", help="As --novel; also leave out their tautomers.")]
Constrained = Annotated[
    bool, typer.Option("--constrained/--free", help=str(Decoding.model_fields["constrained"].description))
]
Properties = Annotated[bool, typer.Option("--properties", help="Add columns: qed, logp, sa, mw, tpsa, ...")]

_SWITCHES = {"constrained": "--constrained/--free"}
_ALIASES = {"batch_size": "-b", "device": "-d", "max_length": "--max-len"}


@dataclass(frozen=True)
class RowOptions:
    """The options of commands that send each row of a file through a model."""

    file: MoleculeFile
    model: ModelName = None
    smiles_column: SmilesColumn = None
    standardize: Annotated[bool, typer.Option("--standardize", help="Strip salts and neutralize charges first.")] = (
        False
    )
    stereo: Annotated[bool, typer.Option("--stereo/--no-stereo", help="Keep or remove stereochemistry.")] = True
    batch_size: BatchSize = 512
    device: Device = "auto"


def check_outputs(*outputs: tuple[Path | None, Sequence[str] | None]) -> None:
    """Check output files before the work begins.

    Args:
        outputs: each path with the extensions that it may have; None allows those of a file of molecules. A path that
            is None or `STDOUT` needs no check.

    Raises:
        InputError: as `molvae.corpus.writing.check_output`.
    """
    from molvae.corpus.writing import check_output

    for path, extensions in outputs:
        if path is not None and path != STDOUT:
            check_output(path, extensions)


def with_options(**bundles: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of some bundles.

    Args:
        bundles: by the name of the parameter that receives it, either a dataclass whose fields are annotated as typer's
            parameters are, of which the command receives an instance; or a subclass of `Settings`, of which it
            receives a dict of the fields that were given on the command line.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter
            for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
            if name not in bundles
        ]
        added = {title: _parameters(bundle, title) for title, bundle in bundles.items()}
        parameters = [*own, *(parameter for each in added.values() for parameter in each)]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            for title, bundle in bundles.items():
                values = {parameter.name: given.pop(parameter.name) for parameter in added[title]}
                if issubclass(bundle, Settings):
                    given[title] = {name: value for name, value in values.items() if value is not None}
                else:
                    given[title] = bundle(**values)
            function(**given)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _parameters(bundle: type[Any], title: str) -> list[inspect.Parameter]:
    if issubclass(bundle, Settings):
        return [_setting(name, bundle, title) for name in bundle.model_fields]
    hints = get_type_hints(bundle, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(bundle)
    ]


def _setting(name: str, section: type[Settings], title: str) -> inspect.Parameter:
    """The option of a field of settings; None where it is not given."""
    field = section.model_fields[name]
    flag = "--" + name.replace("_", "-")
    switch = _SWITCHES.get(name, f"{flag}/--no-{name.replace('_', '-')}")
    flags = [switch if field.annotation is bool else flag]
    if name in _ALIASES:
        flags.append(_ALIASES[name])
    default = field.default if not isinstance(field.default, bool) else "on" if field.default else "off"
    # The shape of a model and some other settings have no single default: it depends on the number of molecules.
    word = "medium" if section is ModelConfig else "default"
    suffix = "" if default == "" or "by the number" in str(field.description) else f" [dim]\\[{word}: {default}][/dim]"
    option = typer.Option(
        *flags, help=f"{field.description}{suffix}", rich_help_panel=title.capitalize(), show_default=False
    )
    annotation = Annotated[Optional[field.annotation], option]  # type: ignore[name-defined]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
