"""Sample rasters that are always there: generated months of water vapour over the oceans.

`sample_dataset` returns one month and `write_sample` writes it; `write_sample_archive` writes years
of months.

Examples
--------
>>> from fastkm.datasets import sample_dataset
>>> sample_dataset()["precipitable_water"].shape
(1, 180, 360)
"""

from fastkm.datasets.monthly_series import write_sample_archive
from fastkm.datasets.water_vapour import sample_dataset, write_sample

__all__ = ["sample_dataset", "write_sample", "write_sample_archive"]
