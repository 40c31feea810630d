"""Loss functions, by the names and the options of torch.nn.functional; class axis last."""

from jaxdl.losses.classification import cross_entropy as cross_entropy
from jaxdl.losses.regression import mse_loss as mse_loss
