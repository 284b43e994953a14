"""``molvae sample``"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from molvae.cli.common import command, say, with_settings
from molvae.cli.options import BatchSize, Device, ModelName
from molvae.config import Decoding
from molvae.errors import ConfigError, MolVAEError, SamplingError, pluralize
from molvae.runtime.distributed import broadcast, gather, is_main, world_size
from molvae.runtime.interruption import Interruption

if TYPE_CHECKING:
    from molvae.generator.sampling.screening import Account, Molecules
    from molvae.generator.sampling.stream import Stream

__all__ = ["sample"]

T = TypeVar("T")


@command
@with_settings(decoding=Decoding)
def sample(
    n: Annotated[int, typer.Option("--n", "-n", min=0, help="How many molecules.")] = 100,
    model: ModelName = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File; the extension picks csv, tsv, smi, sdf or parquet.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="The same seed gives the same molecules; random by default.", show_default=False),
    ] = None,
    novel: Annotated[bool, typer.Option("--novel", help="Leave out training molecules.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Raw draws as they come: invalid ones and duplicates too.")
    ] = False,
    repair: Annotated[
        int,
        typer.Option(min=0, help="How often a string that is no molecule is encoded and decoded again, greedily."),
    ] = 0,
    properties: Annotated[
        bool,
        typer.Option("--properties", help="Add columns: qed, logp, sa, mw, tpsa, ...; csv on stdout."),
    ] = False,
    grid: Annotated[
        Path | None, typer.Option(help="Draw the molecules into an svg or png file.", show_default=False)
    ] = None,
    batch_size: BatchSize = 512,
    device: Device = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="RDKit's processes; 1: none of its own. By n and cores by default.", show_default=False
        ),
    ] = None,
    *,
    decoding: dict[str, Any],
) -> None:
    """Sample new molecules from a trained model.

    Exactly N valid, distinct, canonical SMILES, one a line on stdout, as they come; stderr tells which model, how many
    of its raw draws were valid, and whether decoding or RDKit set the pace. Ctrl-C keeps what there is. Under
    torchrun each process does its share.
    """
    settings = Decoding(**decoding)
    _check(raw=raw, output=output, properties=properties, needs_molecules=novel or properties or grid is not None)

    from molvae.cli.models import load_model
    from molvae.corpus.writing import check_output

    for path, kinds in ((output, None), (grid, ("svg", "png"))):
        if path is not None and is_main():
            check_output(path, kinds)
    vae = _together(lambda: load_model(model, device))
    if seed is None:
        seed = broadcast(secrets.randbelow(2**32))
        say(f"seed: {seed}")
    columns: tuple[str, ...] = ()
    if properties:
        from molvae.chem import PROPERTIES

        columns = tuple(PROPERTIES)
    stream = vae.stream(
        n,
        settings,
        seed=seed,
        novel=novel,
        properties=columns,
        raw=raw,
        repair=repair,
        batch_size=batch_size,
        workers=workers,
        distributed=world_size() > 1,
    )
    with Interruption(_stopping) as interruption, stream:
        if not is_main():
            for _ in stream:  # process 0 says when it is over, and gets all molecules
                pass
        else:
            _write(stream, n, columns, output, grid, interruption, raw=raw, novel=novel, repair=repair)


def _stopping() -> None:
    say("stopping after this block; Ctrl-C again ends at once", "dim")


def _together(make: Callable[[], T]) -> T:
    """Make something in each process of torchrun; what fails in one ends all.

    Raises:
        MolVAEError: with the words of the first that failed.
    """
    try:
        result, problem = make(), None
    except MolVAEError as error:
        result, problem = None, str(error)
    first = broadcast(next((one for one in gather(problem) or () if one is not None), None))
    if first is not None:
        raise MolVAEError(first)
    return result  # type: ignore[return-value]  # nobody had a problem, so there is one


def _write(
    stream: Stream,
    n: int,
    columns: tuple[str, ...],
    output: Path | None,
    grid: Path | None,
    interruption: Interruption,
    *,
    raw: bool,
    novel: bool,
    repair: int,
) -> None:
    """Write what the stream gives; of an interrupted or failed one what there is, and end as that demands."""
    from molvae.cli.destination import Picture, destination

    picture = Picture(grid, columns) if grid else None
    with destination(output, columns, n) as write:
        failure = _pour(stream, [write, picture.take] if picture else [write], interruption)
        if n and not stream.account.found:
            raise failure or KeyboardInterrupt
    if n and not raw:
        _tell(stream.account, novel=novel, repair=repair)
    if output is not None:
        say(f"written: {output}")
    if picture:
        picture.draw()
    where = output or "stdout"
    if failure is not None:
        raise SamplingError(f"{failure}; the {stream.account.found:,} are in {where}")
    if stream.account.found < n:
        say(f"interrupted: {stream.account.found:,} of the {pluralize(n, 'molecule')} are in {where}")
        raise SystemExit(130)


def _check(*, raw: bool, output: Path | None, properties: bool, needs_molecules: bool) -> None:
    """Refuse options that contradict each other."""
    kind = output.suffix.lower() if output else ""
    if raw and (needs_molecules or kind == ".sdf"):
        raise ConfigError("--raw gives strings that may be no molecules: no --novel, --properties, --grid, sdf")
    if properties and kind == ".smi":
        raise ConfigError("a .smi file holds no properties; write csv, tsv, sdf or parquet")


def _pour(
    stream: Stream, sinks: Sequence[Callable[[Molecules], None]], interruption: Interruption
) -> SamplingError | None:
    """Give each block to all sinks, until the stream ends or somebody wants it to; returns why it could not go on."""
    try:
        for molecules in stream:
            for sink in sinks:
                sink(molecules)
            if interruption.asked:
                break
    except SamplingError as error:
        return error
    return None


def _tell(account: Account, *, novel: bool, repair: int) -> None:
    """What became of the draws, and who set the pace."""
    repaired = " after repair" if repair else ""
    known = f", {account.known:,} training molecules left out" if novel else ""
    rdkit = "RDKit" if account.workers == 1 else f"RDKit's {account.workers} processes"
    busy = f"{rdkit} {'was' if account.workers == 1 else 'were'} busy {account.screening_busy:.0%} of the time"
    if account.decoding >= account.screening:
        pace = f"decoding set the pace ({busy})"
    else:
        pace = f"RDKit set the pace ({busy}, decoding {account.decoding_busy:.0%})"
    say(
        f"{pluralize(account.found, 'molecule')} from {pluralize(account.drawn, 'draw')}: {account.validity:.1%} valid"
        f"{repaired}, {pluralize(account.duplicates, 'duplicate')}{known}; "
        f"{account.found / max(1e-9, account.seconds):,.0f} molecules/s; {pace}"
    )
