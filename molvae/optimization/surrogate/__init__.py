"""The surrogate, which predicts scores of molecules that were not tried, and chooses those worth a call.

`features` and `kernel` compare molecules, `gaussian_process` predicts, `acquisition` chooses candidates, and
`validation` tests a surrogate on measured values.
"""

from molvae.optimization.surrogate.features import FeatureCache
from molvae.optimization.surrogate.kernel import KERNELS, Kernel
from molvae.optimization.surrogate.surrogate import Choice, Prediction, Surrogate
from molvae.optimization.surrogate.validation import Quality, cross_validate

__all__ = ["KERNELS", "Choice", "FeatureCache", "Kernel", "Prediction", "Quality", "Surrogate", "cross_validate"]
