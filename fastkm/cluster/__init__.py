"""The algorithms: scipy's four functions and the optimum in one dimension.

Lloyd, as scipy has it: `quantize` (vq, whiten), `lloyd` (kmeans, kmeans2), with `seeding` and
`engines`.

The optimum: `exact` (kmeans1d) reads a `source` in passes led by `solver`. `cells` takes any array
apart, `reading` makes `pieces` of it, here or where `distant` blocks are. `binning` and `folding`
turn them into `atoms`, by `keys` and with a `guess`, and `gathering` copies some; `optimal` rules
cuts out, `judge` compares what is left, and `dressing` makes the result, a `codebook`, which labels
(`labelling`) and reports (`report`). `choose` compares numbers of clusters.

`estimator` (KMeans) is scikit-learn's contract around `fitting`, and around `single` for one
feature. It is not imported here: scikit-learn is an extra.
"""

from fastkm.cluster.choose import Choice, choose_k
from fastkm.cluster.codebook import KMeans1D, load_codebook
from fastkm.cluster.exact import kmeans1d
from fastkm.cluster.lloyd import kmeans, kmeans2
from fastkm.cluster.quantize import vq, whiten

__all__ = [
    "Choice",
    "KMeans1D",
    "choose_k",
    "kmeans",
    "kmeans1d",
    "kmeans2",
    "load_codebook",
    "vq",
    "whiten",
]
