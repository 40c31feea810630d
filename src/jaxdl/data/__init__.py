"""Data as host arrays: named datasets, splits, and the checks that training relies on."""

from jaxdl.data.dataset import Dataset as Dataset
from jaxdl.data.dataset import select_classes as select_classes
from jaxdl.data.loading import load as load
from jaxdl.data.splits import hold_out as hold_out
from jaxdl.data.splits import stratified_split as stratified_split
from jaxdl.data.stream import Stream as Stream
from jaxdl.data.validity import check as check
