"""Objectives by name, as they are written on the command line.

qed, logp, plogp, ...              a number of a molecule; high is good
perindopril_mpo, ...               a benchmark task
similarity:SMILES                  to a molecule (ECFP4); similarity:FCFP4:SMILES takes another fingerprint
keep:SMARTS, forbid:SMARTS         1 or 0
alerts, alerts:BRENK               1 without any of RDKit's structural alerts, else 0
window:mw:250:500                  a shape over any of these: 1 inside, less outside
minimize:sa                        low is good
predict:pIC50                      a property that the model was trained on
module:function, file.py:function  a function from a list of SMILES to numbers
command:./score.sh --fast          a command that reads SMILES and writes numbers, line by line
2*qed                              a weight, where several objectives are given
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rdkit import Chem

from molvae.chem import parse, quiet_rdkit
from molvae.chem.alerts import CATALOGS
from molvae.chem.fingerprints import FINGERPRINTS, similarity
from molvae.errors import ConfigError
from molvae.optimization.objectives.composing import Mean, NoAlerts, Pareto, Shaped
from molvae.optimization.objectives.desirability import (
    Above,
    Below,
    DoubleSigmoid,
    Gaussian,
    Piecewise,
    Ramp,
    Shape,
    Sigmoid,
    Window,
)
from molvae.optimization.objectives.executors import NamedFunction, ProcessExecutor
from molvae.optimization.objectives.objective import Objective, PerMolecule
from molvae.optimization.objectives.predicted import PredictedProperty
from molvae.optimization.objectives.programs import Command, load_function
from molvae.optimization.objectives.quantities import QUANTITIES, quantity
from molvae.optimization.objectives.structure import has_pattern, lacks_pattern
from molvae.optimization.objectives.tasks import TASKS
from molvae.optimization.objectives.user import UserObjective

if TYPE_CHECKING:
    from molvae.generator.molvae import MolVAE

__all__ = ["SHAPES", "What", "mean_of", "objective_names", "objective_of", "runs_code"]

What = str | Callable[[list[str]], Any] | Objective
"""A name, a function from a list of SMILES to numbers, or an objective."""


class _Form(NamedTuple):
    """How a shape is written."""

    make: Callable[..., Shape]
    fewest: int
    """numbers"""
    most: int
    usage: str
    """the names of its numbers"""
    meaning: str


SHAPES: Mapping[str, _Form] = MappingProxyType(
    {
        "window": _Form(Window, 2, 3, "LOW:HIGH[:SIGMA]", "1 inside, half Gaussians outside"),
        "above": _Form(Above, 2, 2, "MU:SIGMA", "1 from MU on, a half Gaussian below"),
        "below": _Form(Below, 2, 2, "MU:SIGMA", "1 up to MU, a half Gaussian above"),
        "gaussian": _Form(Gaussian, 2, 2, "MU:SIGMA", "1 at MU"),
        "ramp": _Form(Ramp, 2, 2, "ZERO:ONE", "a straight line from 0 at ZERO to 1 at ONE"),
        "sigmoid": _Form(Sigmoid, 2, 3, "LOW:HIGH[:K]", "rises from LOW to HIGH, falls where K is negative"),
        "double_sigmoid": _Form(DoubleSigmoid, 5, 5, "LOW:HIGH:RISE:FALL:SCALE", "rises at LOW, falls at HIGH"),
        "piecewise": _Form(lambda *points: Piecewise(points), 2, 99, "X,Y:X,Y[:X,Y...]", "straight lines"),
    }
)
"""Desirabilities by name: ``NAME:OBJECTIVE:NUMBERS``."""

_FROM_0_TO_1 = frozenset({"qed", "synthesizability", "fsp3"})
_WEIGHTED = re.compile(r"\s*(\d*\.?\d+(?:[eE][-+]?\d+)?)\s*\*\s*(.*)", re.DOTALL)
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|.*\.py")


def objective_names() -> dict[str, str]:
    """What `objective_of` understands, with a line of description for each."""
    return {
        **{name: f"{one.description}{f', {one.unit}' if one.unit else ''}" for name, one in QUANTITIES.items()},
        **{name: task.description for name, task in TASKS.items() if name not in QUANTITIES},
        "similarity:SMILES": "Tanimoto similarity of ECFP4 counts to a molecule",
        "similarity:FINGERPRINT:SMILES": f"the same with another fingerprint: {', '.join(FINGERPRINTS)}",
        "keep:SMARTS": "1 with a substructure, else 0",
        "forbid:SMARTS": "1 without a substructure, else 0",
        "alerts": "1 without structural alerts, else 0",
        **{f"alerts:{name}": f"the same for one catalog: {meaning}" for name, meaning in CATALOGS.items()},
        **{f"{name}:OBJECTIVE:{form.usage}": form.meaning for name, form in SHAPES.items()},
        "minimize:OBJECTIVE": "low is good",
        "predict:COLUMN": "a property that the model was trained on (molvae train --properties)",
        "module:function": "a function from a list of SMILES to numbers; file.py:function too",
        "command:COMMAND": "a command that reads SMILES and writes numbers, line by line",
    }


def objective_of(
    what: What,
    *,
    timeout: float | None = None,
    workers: int | None = None,
    vae: MolVAE | None = None,
    executor: Executor | None = None,
) -> Objective:
    """Make an objective from a name or from a function.

    Args:
        what: a name, see the top of this file; or a function, as for `UserObjective`; or an objective.
        timeout: seconds for one call of a command, and with an executor also of a function; None means no limit.
        workers: as in `PerMolecule`.
        vae: the model whose properties ``predict:COLUMN`` predicts.
        executor: as in `UserObjective`.

    Returns:
        An objective with the given name.

    Raises:
        ConfigError: there is no such objective, or a part of its name cannot be used.

    >>> objective_of("window:heavy_atoms:2:4")(["CCO", "no molecule"]).tolist()
    [1.0, nan]
    """
    # A process of our own ends in time by itself.
    patience = None if isinstance(executor, ProcessExecutor) else timeout
    if not isinstance(what, str):
        return what if isinstance(what, Objective) else UserObjective(what, executor=executor, timeout=patience)
    name = what.strip()
    inner = partial(objective_of, timeout=timeout, workers=workers, vae=vae, executor=executor)
    head, colon, rest = name.partition(":")
    if not colon:
        return _plain(name, workers)
    if head in SHAPES:
        return _shaped(name, head, rest, inner)
    if head == "minimize":
        return Shaped(name, inner(rest), np.negative)
    if head == "predict":
        return PredictedProperty(name, rest, vae)
    if head == "command":
        return UserObjective(Command(rest, timeout=timeout), name, executor=executor)
    if head in _WITH_TEXT:
        return _WITH_TEXT[head](name, rest, workers)
    if head not in (*QUANTITIES, *TASKS) and _MODULE.fullmatch(name.rpartition(":")[0]):
        function = load_function(name) if executor is None else NamedFunction(name)
        return UserObjective(function, name, executor=executor, timeout=patience)
    raise _unknown(name)


def runs_code(name: str) -> bool:
    """Whether the objective of a name runs a program or a function that is not part of molvae.

    >>> [runs_code(one) for one in ("qed", "2*command:./dock", "window:score.py:f:0:1", "window:mw:1:2")]
    [False, True, True, False]
    """
    head, colon, rest = _weighted(name)[0].partition(":")  # type: ignore[union-attr]
    if head in SHAPES or head == "minimize":
        return runs_code(rest)
    # Behind a quantity are the numbers of a shape.
    return bool(colon) and head not in ("predict", *_WITH_TEXT, *QUANTITIES, *TASKS)


def mean_of(
    objectives: Sequence[What],
    *,
    weights: Sequence[float] | None = None,
    mean: str = "geometric",
    timeout: float | None = None,
    workers: int | None = None,
    vae: MolVAE | None = None,
    executor: Executor | None = None,
) -> Objective:
    """Make one objective from several.

    Args:
        objectives: as in `objective_of`; a name may begin with a weight, ``2*qed``.
        weights: a number above 0 for each, in place of those in the names; None takes those in the names, or 1.
        mean: ``geometric``, ``arithmetic``, or ``pareto`` for the front of their trade-offs.
        timeout: as in `objective_of`.
        workers: as in `PerMolecule`.
        vae: as in `objective_of`.
        executor: as in `UserObjective`.

    Returns:
        Their weighted mean, or a single objective as it is; or a `Pareto`.

    Raises:
        ConfigError: as in `objective_of`, `Mean` and `Pareto`; or a geometric mean is asked for of a number that has no
            shape and is not between 0 and 1 by itself.
    """
    written = [_weighted(what) for what in objectives]
    make = partial(objective_of, timeout=timeout, workers=workers, vae=vae, executor=executor)
    parts = [make(what) for what, _ in written]
    weights = [weight for _, weight in written] if weights is None else weights
    if mean == "pareto" and parts:
        return Pareto(parts, weights=weights)
    whole = Mean(parts, weights=weights, mean=mean)
    if len(parts) == 1:
        return parts[0]
    for what, _ in written if mean == "geometric" else ():
        if isinstance(what, str) and (what in QUANTITIES or what.startswith("minimize:")) and what not in _FROM_0_TO_1:
            raise ConfigError(
                f"{what} is not between 0 and 1, which a geometric mean needs; say which values are good: "
                f"window:{what.removeprefix('minimize:')}:LOW:HIGH, or another of {', '.join(SHAPES)}"
            )
    return whole


def _weighted(what: What) -> tuple[What, float]:
    match = _WEIGHTED.fullmatch(what) if isinstance(what, str) else None
    return (match[2].strip(), float(match[1])) if match else (what.strip() if isinstance(what, str) else what, 1.0)


def _plain(name: str, workers: int | None) -> Objective:
    if name in QUANTITIES:
        return PerMolecule(name, partial(quantity, name=name), workers=workers)
    if name in TASKS:
        return TASKS[name].objective(workers=workers)
    if name == "alerts":
        return NoAlerts(name, tuple(CATALOGS))
    raise _unknown(name)


def _shaped(name: str, head: str, rest: str, inner: Callable[[str], Objective]) -> Objective:
    form = SHAPES[head]
    fields = rest.split(":")
    read = _point if head == "piecewise" else _number
    numbers: list[Any] = []
    while len(fields) > 1 and len(numbers) < form.most and (value := read(fields[-1])) is not None:
        numbers.insert(0, value)
        fields.pop()
    if len(numbers) < form.fewest or not fields[0] or read(fields[-1]) is not None:
        raise ConfigError(f"{name}: it must be {head}:OBJECTIVE:{form.usage}")
    with _about(name):
        shape = form.make(*numbers)
    return Shaped(name, inner(":".join(fields)), shape)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _point(text: str) -> tuple[float, float] | None:
    values = [_number(one) for one in text.split(",")]
    return (values[0], values[1]) if len(values) == 2 and None not in values else None  # type: ignore[return-value]


def _similar(name: str, rest: str, workers: int | None) -> Objective:
    fingerprint, colon, target = rest.partition(":")
    if not colon or fingerprint not in FINGERPRINTS:
        fingerprint, target = "ECFP4", rest
    with quiet_rdkit():
        mol = parse(target)
    if mol is None:
        raise ConfigError(
            f"{name}: {target!r} is not a molecule; give similarity:SMILES or similarity:FINGERPRINT:SMILES, with one "
            f"of {', '.join(FINGERPRINTS)}"
        )
    return PerMolecule(name, partial(similarity, target=target, name=fingerprint), workers=workers)


def _by_pattern(function: Callable[..., bool], name: str, rest: str, workers: int | None) -> Objective:
    with _about(name):
        has_pattern(Chem.Mol(), rest)
    return PerMolecule(name, partial(function, smarts=rest), workers=workers)


_WITH_TEXT: Mapping[str, Callable[[str, str, int | None], Objective]] = {
    "similarity": _similar,
    "keep": partial(_by_pattern, has_pattern),
    "forbid": partial(_by_pattern, lacks_pattern),
    "alerts": lambda name, rest, workers: NoAlerts(name, rest.split(",")),
}


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Put the name of an objective before the message of an error."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error


def _unknown(name: str) -> ConfigError:
    near = difflib.get_close_matches(name.lower(), [*QUANTITIES, *TASKS, *SHAPES, "alerts"], n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    forms = [one for one in objective_names() if ":" in one]
    return ConfigError(
        f"there is no objective {name!r}{hint}; there are\n  quantities: {', '.join(QUANTITIES)}\n"
        f"  tasks: {', '.join(one for one in TASKS if one not in QUANTITIES)}\n  alerts, {', '.join(forms)}"
    )
