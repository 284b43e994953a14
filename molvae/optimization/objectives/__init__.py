"""What makes a molecule good, as numbers to be maximized: benchmark tasks, properties, and whatever a user brings."""

from molvae.optimization.objectives.objective import Objective, PerMolecule
from molvae.optimization.objectives.parser import mean_of, objective_names, objective_of
from molvae.optimization.objectives.user import UserObjective

__all__ = ["Objective", "PerMolecule", "UserObjective", "mean_of", "objective_names", "objective_of"]
