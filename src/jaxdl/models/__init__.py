"""Networks: functions that return one Layer."""

from jaxdl.models.mlp import mlp as mlp
