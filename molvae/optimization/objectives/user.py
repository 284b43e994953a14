"""A user's function as an objective: if it fails for one molecule, the other molecules keep their scores."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from molvae.chem import parse, quiet_rdkit
from molvae.errors import InputError, pluralize
from molvae.optimization.objectives.objective import Scores

__all__ = ["UserObjective"]

# After so many failures before the first number the function is taken for broken, not the molecules for difficult.
_PATIENCE = 3
_LONGEST_REASON = 300
_HINT = " (it is given a list of SMILES, not a single one, and must return a list of numbers)"
_ENDED_BY_PEBBLE = "Task timeout"
_LARGEST = 1e300  # sums and squares of larger scores are infinite


class _MiscountError(InputError):
    """A function returned too many or too few scores."""


class UserObjective:
    """A function on batches as an objective.

    It is called with those texts that are molecules, never with an empty batch. If it raises for a batch, it is called
    again for each molecule alone. A molecule for which it raises, or gives no finite number, or one beyond 1e300, has
    NaN, and is in `failures` until it has a number. What the function prints goes to stderr.

    Args:
        function: from a list of SMILES to as many numbers, high is good: a list, an array, a column of a table; NaN or
            None where it has no number.
        name: as in `Objective`; None takes the name of the function.
        executor: calls the function for each molecule alone, several at a time: anything with the interface of
            `concurrent.futures.Executor`, such as ``dask.distributed.Client(...).get_executor(pure=False)``. None calls
            it here, with whole batches.
        timeout: seconds to wait for the next molecule of an executor; None means no limit. A molecule that takes longer
            has no score. Whether its process ends depends on the executor.

    Attributes:
        has_worked: it gave a number, in this search or before it was resumed. From then on a failure is the fault of
            the molecule.
    """

    def __init__(
        self,
        function: Callable[[list[str]], Any],
        name: str | None = None,
        *,
        executor: Executor | None = None,
        timeout: float | None = None,
    ) -> None:
        self.name = _name_of(function) if name is None else name
        self._executor, self._timeout = executor, timeout
        self.failures: dict[str, str] = {}
        self._function = function
        self.has_worked = False
        self._broken: list[str] = []

    def __call__(self, smiles: Sequence[str], /) -> Scores:
        """The scores (N,) of N texts.

        Raises:
            InputError: it gave too many or too few scores, or failed for the first three molecules, one after another;
                or the executor broke.
        """
        scores = np.full(len(smiles), np.nan)
        with quiet_rdkit():
            rows = [row for row, one in enumerate(smiles) if parse(one) is not None]
        if rows:
            scores[rows] = self._batch([smiles[row] for row in rows])
        return scores

    def _batch(self, molecules: list[str]) -> list[float]:
        if self._executor is not None:
            return self._parallel(molecules, self._executor)
        try:
            values = self._answers(molecules, _call(self._function, molecules))
        except (_MiscountError, KeyboardInterrupt):
            raise
        except BaseException as error:
            if len(molecules) == 1:
                return [self._failed(molecules[0], _reason(error))]
            return [self._alone(one) for one in molecules]
        return [self._number(value, one) for value, one in zip(values, molecules, strict=True)]

    def _alone(self, molecule: str) -> float:
        """The score of one molecule of a batch that failed; no error of it affects the others."""
        try:
            value = self._answers([molecule], _call(self._function, [molecule]))[0]
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return self._failed(molecule, _reason(error))
        return self._number(value, molecule)

    def _parallel(self, molecules: list[str], executor: Executor) -> list[float]:
        """The scores by an executor, in the order of the molecules, whichever ends first."""
        futures = [executor.submit(_call, self._function, [one]) for one in molecules]
        try:
            return [self._collected(future, one) for future, one in zip(futures, molecules, strict=True)]
        finally:
            for future in futures:
                future.cancel()

    def _collected(self, future: Future[Any], molecule: str) -> float:
        try:
            value = self._answers([molecule], future.result(self._timeout))[0]
        except (_MiscountError, KeyboardInterrupt):
            raise
        except BrokenExecutor as error:
            raise InputError(f"{self.name}: the executor broke ({_reason(error)}); resume with a new one") from error
        except BaseException as error:
            if isinstance(error, TimeoutError) and (not future.done() or error.args[:1] == (_ENDED_BY_PEBBLE,)):
                return self._failed(molecule, "took longer than the time limit")
            return self._failed(molecule, _reason(error))
        return self._number(value, molecule)

    def _answers(self, molecules: list[str], result: Any) -> list[Any]:
        """What the function returned, as one value for each molecule."""
        # numpy's squeeze() takes the axis away from a batch of one.
        values = [result] if len(molecules) == 1 and getattr(result, "ndim", None) == 0 else _as_list(result)
        if values is None or len(values) != len(molecules):
            given = type(result).__name__ if values is None else pluralize(len(values), "number")
            raise _MiscountError(
                f"{self.name} gave {given} for {pluralize(len(molecules), 'molecule')}; it must give one number for "
                "each, in their order, NaN where it has none"
            )
        return values

    def _number(self, value: Any, molecule: str) -> float:
        number = _as_float(value)
        if number is None:
            return self._failed(molecule, f"gave {_printed(value, repr)}")
        if abs(number) <= _LARGEST:
            self.has_worked = True
            self.failures.pop(molecule, None)
            return number
        self.failures[molecule] = f"gave {value}"
        return math.nan

    def _failed(self, molecule: str, reason: str) -> float:
        self.failures[molecule] = reason
        if not self.has_worked:
            self._broken.append(f"{molecule}: {reason}")
            if len(self._broken) >= _PATIENCE:
                raise InputError(
                    f"{self.name} failed for the first {_PATIENCE} molecules; of the first, {self._broken[0]}"
                    f"{_HINT if 'Boost.Python.ArgumentError' in self._broken[0] or 'C++' in self._broken[0] else ''}"
                )
        return math.nan

    def __repr__(self) -> str:
        return f"UserObjective({self.name!r})"


def _call(function: Callable[[list[str]], Any], molecules: list[str]) -> Any:
    """Call a function; what it prints goes to stderr."""
    with redirect_stdout(sys.stderr):
        return function(list(molecules))


def _name_of(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", None)
    own = getattr(function, "__qualname__", type(function).__name__)
    return f"{module}:{own}" if module else own


def _reason(error: BaseException) -> str:
    text = " ".join(_printed(error, str).split())
    if isinstance(error, InputError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _printed(thing: object, how: Callable[[object], str]) -> str:
    """A user's object as a text; the code of its class may fail."""
    try:
        return how(thing)[:_LONGEST_REASON]
    except Exception as error:
        return f"an object of {type(thing).__name__} that cannot be printed ({type(error).__name__})"


def _as_list(result: Any) -> list[Any] | None:
    """A list, tuple, array, tensor or column as a list; None for anything else."""
    if hasattr(result, "to_numpy"):  # a table of one column too
        result = result.to_numpy()
    if hasattr(result, "tolist"):
        result = result.tolist()
    return list(result) if isinstance(result, list | tuple) else None


def _as_float(value: Any) -> float | None:
    """A number, NaN for None; None for what is not a number."""
    if isinstance(value, list) and len(value) == 1:  # a row of an array (N, 1)
        value = value[0]
    try:
        return math.nan if value is None else float(value)
    except Exception:  # the code of its class may raise anything
        return None
