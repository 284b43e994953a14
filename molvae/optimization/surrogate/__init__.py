"""What a search expects of molecules that it has not tried, and which of them are worth a call."""

from molvae.optimization.surrogate.features import FeatureCache
from molvae.optimization.surrogate.kernel import KERNELS, Kernel
from molvae.optimization.surrogate.surrogate import Choice, Prediction, Surrogate
from molvae.optimization.surrogate.validation import Quality, cross_validate

__all__ = ["KERNELS", "Choice", "FeatureCache", "Kernel", "Prediction", "Quality", "Surrogate", "cross_validate"]
