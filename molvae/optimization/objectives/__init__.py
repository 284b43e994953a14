"""What a search maximizes, as numbers: benchmark tasks, properties of molecules, and programs of a user.

`parser` makes an objective from a name, `composing` one from several; `user` and `programs` run a user's code.
"""

from molvae.optimization.objectives.objective import Objective, PerMolecule
from molvae.optimization.objectives.parser import mean_of, objective_names, objective_of
from molvae.optimization.objectives.user import UserObjective

__all__ = ["Objective", "PerMolecule", "UserObjective", "mean_of", "objective_names", "objective_of"]
