"""``molvae sample``"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from molvae.cli.console import command, print_status
from molvae.cli.options import (
    BatchSize,
    Device,
    Grid,
    ModelName,
    MoleculesOutput,
    NovelOnly,
    NovelTautomers,
    Properties,
    check_outputs,
    with_options,
)
from molvae.config import Decoding
from molvae.errors import ConfigError, MolVAEError, SamplingError, pluralize
from molvae.runtime.distributed import broadcast, gather, is_main, world_size
from molvae.runtime.interruption import Interruption

if TYPE_CHECKING:
    from molvae.generator.molvae import MolVAE
    from molvae.generator.sampling.screening import Account, Molecules
    from molvae.generator.sampling.stream import Stream

__all__ = ["sample"]

T = TypeVar("T")


@command
@with_options(decoding=Decoding)
def sample(
    n: Annotated[int, typer.Option("--n", "-n", min=0, help="Number of molecules.")] = 100,
    model: ModelName = None,
    output: MoleculesOutput = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the draws. Default: random.")] = None,
    novel: NovelOnly = False,
    novel_tautomers: NovelTautomers = False,
    raw: Annotated[bool, typer.Option("--raw", help="Print all strings, also invalid ones and duplicates.")] = False,
    repair: Annotated[int, typer.Option(min=0, help="Times to encode and decode an invalid string again.")] = 0,
    properties: Properties = False,
    grid: Grid = None,
    batch_size: BatchSize = 512,
    device: Device = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of RDKit processes. Default: by n and the cores.")
    ] = None,
    *,
    decoding: dict[str, Any],
) -> None:
    """Sample new molecules from a trained model.

    The command prints exactly N valid, distinct, canonical SMILES to stdout, one a line; with --properties or -o -
    as csv, together with the properties that the model was trained on. No molecule is a radical, or has a valence
    or a charge that no training molecule has. To stderr it prints which model it uses, how good that model is, how
    many strings were valid, and whether decoding or RDKit limited the speed. Ctrl-C keeps the molecules sampled so
    far. Under torchrun the processes share the work.
    """
    settings = Decoding(**decoding)
    _check(
        raw=raw,
        output=output,
        properties=properties,
        needs_molecules=novel or novel_tautomers or properties or grid is not None,
    )

    from molvae.cli.models import load_model

    if is_main():
        check_outputs((output, None), (grid, ("svg", "png")))
    vae = _in_every_process(lambda: load_model(model, device))
    if seed is None:
        seed = broadcast(secrets.randbelow(2**32))
        print_status(f"seed: {seed}")
    columns: tuple[str, ...] = ()
    if properties:
        from molvae.chem import PROPERTIES

        columns = tuple(PROPERTIES)
    stream = vae.stream(
        n,
        settings,
        seed=seed,
        novel="tautomers" if novel_tautomers else novel,
        properties=columns,
        raw=raw,
        repair=repair,
        batch_size=batch_size,
        workers=workers,
        distributed=world_size() > 1,
    )
    with Interruption(_print_stopping) as interruption, stream:
        if not is_main():
            for _ in stream:  # process 0 gets all molecules, and ends the stream
                pass
        else:
            predict = _Predictions(vae) if properties and vae.config.heads else None
            _write(stream, n, columns, output, grid, interruption, predict, raw=raw, repair=repair)


def _print_stopping() -> None:
    print_status("stopping after this block; press Ctrl-C again to stop at once", "dim")


def _in_every_process(make: Callable[[], T]) -> T:
    """Make something in each process of torchrun; if one fails, all end.

    Raises:
        MolVAEError: with the message of the first process that failed.
    """
    try:
        result, problem = make(), None
    except MolVAEError as error:
        result, problem = None, str(error)
    first = broadcast(next((one for one in gather(problem) or () if one is not None), None))
    if first is not None:
        raise MolVAEError(first)
    return result  # type: ignore[return-value]  # no process had a problem, so there is a result


def _write(
    stream: Stream,
    n: int,
    columns: tuple[str, ...],
    output: Path | None,
    grid: Path | None,
    interruption: Interruption,
    predict: _Predictions | None,
    *,
    raw: bool,
    repair: int,
) -> None:
    """Write the molecules of the stream. If it is interrupted or fails, write what there is and exit accordingly."""
    from molvae.cli.output import Picture, molecule_output

    columns = (*columns, *(predict.columns if predict else ()))
    picture, valid = Picture(grid, columns) if grid else None, _Validity()
    with molecule_output(output, columns, n) as write:
        sinks = [write, *([picture.take] if picture else []), *([valid.take] if raw else [])]
        failure = _copy(map(predict, stream) if predict else stream, sinks, interruption)
        if n and not stream.account.found:
            raise failure or KeyboardInterrupt
    if n and raw:
        valid.print()
    elif n:
        _print_account(stream.account, repair=repair)
    if picture:
        picture.draw()
    place = output or "stdout"
    if failure is not None:
        raise SamplingError(f"{failure}; the {stream.account.found:,} are in {place}")
    if stream.account.found < n:
        print_status(f"interrupted: {stream.account.found:,} of the {pluralize(n, 'molecule')} are in {place}")
        raise SystemExit(130)


def _check(*, raw: bool, output: Path | None, properties: bool, needs_molecules: bool) -> None:
    """Raise `ConfigError` for options that contradict each other."""
    kind = output.suffix.lower() if output else ""
    if raw and (needs_molecules or kind == ".sdf"):
        raise ConfigError("--raw prints strings that may be invalid: it excludes --novel, --properties, --grid and sdf")
    if properties and kind == ".smi":
        raise ConfigError("a .smi file holds no properties; write csv, tsv, sdf or parquet")


class _Predictions:
    """Adds the predictions of the property heads to molecules, as further columns."""

    def __init__(self, vae: MolVAE) -> None:
        self._vae = vae
        self.columns = [f"{name}_predicted" for name in vae.config.heads]

    def __call__(self, molecules: Molecules) -> Molecules:
        import numpy as np

        from molvae.generator.sampling.screening import Molecules

        predicted = self._vae.predict(molecules).to_numpy(np.float64)
        return Molecules(molecules, np.hstack([molecules.properties, predicted]))


def _copy(
    stream: Iterable[Molecules], sinks: Sequence[Callable[[Molecules], None]], interruption: Interruption
) -> SamplingError | None:
    """Give each block to all sinks until the stream ends or is interrupted; return the error that ended it, if any."""
    try:
        for molecules in stream:
            for sink in sinks:
                sink(molecules)
            if interruption.asked:
                break
    except SamplingError as error:
        return error
    return None


class _Validity:
    """Counts strings, and those that are molecules."""

    def __init__(self) -> None:
        self._strings = self._valid = 0

    def take(self, strings: Molecules) -> None:
        """Count more strings."""
        from molvae.chem import parse, quiet_rdkit

        with quiet_rdkit():
            self._valid += sum(parse(one) is not None for one in strings)
        self._strings += len(strings)

    def print(self) -> None:
        """Print the share of valid strings."""
        print_status(f"{pluralize(self._strings, 'raw string')}: {self._valid / self._strings:.1%} valid")


def _print_account(account: Account, *, repair: int) -> None:
    """Print how many draws were valid, and what limited the speed."""
    repaired = " after repair" if repair else ""
    odd = f", {account.implausible:,} left out for radicals, valences or charges" if account.implausible else ""
    known = f", {account.known:,} known molecules left out" if account.known else ""
    rdkit = "RDKit" if account.workers == 1 else f"RDKit's {account.workers} processes"
    busy = f"{rdkit} {'was' if account.workers == 1 else 'were'} busy {account.screening_busy:.0%} of the time"
    if account.decoding >= account.screening:
        speed = f"decoding limited the speed ({busy})"
    else:
        speed = f"RDKit limited the speed ({busy}, decoding {account.decoding_busy:.0%})"
    print_status(
        f"{pluralize(account.found, 'molecule')} from {pluralize(account.drawn, 'draw')}: {account.validity:.1%} valid"
        f"{repaired}, {pluralize(account.duplicates, 'duplicate')}{odd}{known}; "
        f"{account.found / max(1e-9, account.seconds):,.0f} molecules/s; {speed}"
    )
