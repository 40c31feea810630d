"""Loss functions, by the names and the options of torch.nn.functional; class axis last.

Each is ``loss(predictions, targets, *, options, reduction="mean", where=None)``:

- ``reduction``: ``"mean"``, ``"sum"``, or ``"none"`` for one value an element, or one a row where
  a loss spans the last axis.
- ``where``: a boolean mask over those values, of their shape or of its leading axes. What is False
  counts for nothing in value and gradient, even where it holds nan or inf; the mean divides by what
  is left. With nothing left the mean is nan, as the mean of nothing is, and its gradient 0.
- Shapes have to agree: nothing broadcasts. Targets may be of any real dtype.
- The result has the dtype of the predictions; float16 and bfloat16 are computed in float32.

<!-- table of equals: begin -->
Relative bounds that the tests hold values and gradients to, in float32 and in float64. A star
marks where PyTorch itself is less exact, or wrong at some points; tests/tables says where and why.

| PyTorch | jaxdl | equal to |
|---|---|---|
| `F.binary_cross_entropy` | `binary_cross_entropy` | 1e-5, 1e-8 * |
| `F.binary_cross_entropy_with_logits` | `binary_cross_entropy_with_logits` | 1e-5, 1e-12 * |
| its formula | `binary_focal_cross_entropy` | 1e-5, 1e-12 |
| its formula | `categorical_focal_cross_entropy` | 1e-5, 1e-12 |
| its formula | `categorical_hinge` | 1e-5, 1e-12 |
| its formula | `circle` | 1e-5, 1e-12 |
| `F.cosine_embedding_loss` | `cosine_embedding_loss` | 1e-5, 1e-8 * |
| `F.cosine_similarity` | `cosine_similarity` | 1e-5, 1e-12 * |
| `F.cross_entropy` | `cross_entropy` | 1e-5, 1e-12 |
| `F.ctc_loss` | `ctc_loss` | 1e-5, 1e-12 |
| its formula | `dice` | 1e-5, 1e-12 |
| `F.gaussian_nll_loss` | `gaussian_nll_loss` | 1e-5, 1e-12 |
| its formula | `generalized_cross_entropy` | 1e-5, 1e-12 |
| its formula | `hinge` | 1e-5, 1e-12 |
| `F.hinge_embedding_loss` | `hinge_embedding_loss` | 1e-5, 1e-12 * |
| `F.huber_loss` | `huber_loss` | 1e-5, 1e-12 * |
| its formula | `info_nce` | 1e-5, 1e-12 |
| `F.kl_div` | `kl_div` | 1e-5, 1e-12 * |
| `F.l1_loss` | `l1_loss` | 1e-5, 1e-12 * |
| `F.linear_cross_entropy` | `linear_cross_entropy` | 1e-5, 1e-12 |
| its formula | `log_cosh` | 1e-5, 1e-12 |
| `F.margin_ranking_loss` | `margin_ranking_loss` | 1e-5, 1e-12 * |
| its formula | `mean_absolute_percentage_error` | 1e-5, 1e-12 |
| its formula | `mean_squared_logarithmic_error` | 1e-5, 1e-12 |
| `F.mse_loss` | `mse_loss` | 1e-5, 1e-12 |
| `F.multi_margin_loss` | `multi_margin_loss` | 1e-5, 1e-12 |
| `F.multilabel_margin_loss` | `multilabel_margin_loss` | 1e-5, 1e-12 |
| `F.multilabel_soft_margin_loss` | `multilabel_soft_margin_loss` | 1e-5, 1e-12 |
| `F.nll_loss` | `nll_loss` | 1e-5, 1e-12 |
| `F.pairwise_distance` | `pairwise_distance` | 1e-5, 1e-12 |
| its formula | `perceptron_loss` | 1e-5, 1e-12 |
| `F.poisson_nll_loss` | `poisson_nll_loss` | 1e-5, 1e-12 |
| `F.smooth_l1_loss` | `smooth_l1_loss` | 1e-5, 1e-12 * |
| `F.soft_margin_loss` | `soft_margin_loss` | 1e-5, 1e-12 * |
| its formula | `squared_hinge` | 1e-5, 1e-12 |
| `F.triplet_margin_loss` | `triplet_margin_loss` | 1e-5, 1e-12 |
| `F.triplet_margin_with_distance_loss` | `triplet_margin_with_distance_loss` | 1e-5, 1e-12 |
| its formula | `tversky` | 1e-5, 1e-12 |
<!-- table of equals: end -->
"""

from jaxdl.losses.binary import binary_cross_entropy as binary_cross_entropy
from jaxdl.losses.binary import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from jaxdl.losses.binary import binary_focal_cross_entropy as binary_focal_cross_entropy
from jaxdl.losses.classification import cross_entropy as cross_entropy
from jaxdl.losses.classification import nll_loss as nll_loss
from jaxdl.losses.contrastive import circle as circle
from jaxdl.losses.contrastive import info_nce as info_nce
from jaxdl.losses.distance import cosine_similarity as cosine_similarity
from jaxdl.losses.distance import pairwise_distance as pairwise_distance
from jaxdl.losses.focal import categorical_focal_cross_entropy as categorical_focal_cross_entropy
from jaxdl.losses.focal import generalized_cross_entropy as generalized_cross_entropy
from jaxdl.losses.likelihood import gaussian_nll_loss as gaussian_nll_loss
from jaxdl.losses.likelihood import kl_div as kl_div
from jaxdl.losses.likelihood import poisson_nll_loss as poisson_nll_loss
from jaxdl.losses.margin import hinge as hinge
from jaxdl.losses.margin import hinge_embedding_loss as hinge_embedding_loss
from jaxdl.losses.margin import perceptron_loss as perceptron_loss
from jaxdl.losses.margin import soft_margin_loss as soft_margin_loss
from jaxdl.losses.margin import squared_hinge as squared_hinge
from jaxdl.losses.multiclass import categorical_hinge as categorical_hinge
from jaxdl.losses.multiclass import multi_margin_loss as multi_margin_loss
from jaxdl.losses.multiclass import multilabel_margin_loss as multilabel_margin_loss
from jaxdl.losses.multiclass import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from jaxdl.losses.overlap import dice as dice
from jaxdl.losses.overlap import tversky as tversky
from jaxdl.losses.ranking import cosine_embedding_loss as cosine_embedding_loss
from jaxdl.losses.ranking import margin_ranking_loss as margin_ranking_loss
from jaxdl.losses.ranking import triplet_margin_loss as triplet_margin_loss
from jaxdl.losses.ranking import (
    triplet_margin_with_distance_loss as triplet_margin_with_distance_loss,
)
from jaxdl.losses.regression import huber_loss as huber_loss
from jaxdl.losses.regression import l1_loss as l1_loss
from jaxdl.losses.regression import log_cosh as log_cosh
from jaxdl.losses.regression import mse_loss as mse_loss
from jaxdl.losses.regression import smooth_l1_loss as smooth_l1_loss
from jaxdl.losses.relative import (
    mean_absolute_percentage_error as mean_absolute_percentage_error,
)
from jaxdl.losses.relative import (
    mean_squared_logarithmic_error as mean_squared_logarithmic_error,
)
from jaxdl.losses.sequence import ctc_loss as ctc_loss
from jaxdl.losses.vocabulary import linear_cross_entropy as linear_cross_entropy
