"""Results as figures, which `fastkm.plot` draws when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure


class ResultFigures:
    """The figures of a result with clusters of one variable."""

    def plot_histogram(
        self,
        *,
        ax: Axes | None = None,
        name: str = "value",
        units: str = "",
        title: str | None = None,
        cmap: str | Colormap | None = None,
    ) -> Figure:
        """Draw the distribution of the values, with the clusters, their breaks and centroids.

        The values are not read again: the result keeps a profile of them.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.
        name, units : str
            What the values are.
        title : str, optional
            The title; the number of clusters by default.
        cmap : str or matplotlib.colors.Colormap, optional
            The colour map that the clusters' colours are samples of; viridis by default.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ValueError
            If the result was loaded from a file, which holds no profile, or the colour map is unknown.

        Examples
        --------
        >>> import fastkm
        >>> figure = fastkm.kmeans1d([1, 2, 8, 9], 2).plot_histogram(name="water", units="kg m-2")
        >>> figure.savefig("histogram.png")  # doctest: +SKIP
        """
        from fastkm.plot import draw_histogram, histogram_figure

        result: Any = self
        profile = result.profile
        if profile is None:
            raise ValueError(
                "the result must come from kmeans1d or cluster_raster to be drawn as a histogram: one "
                "loaded from a file has no profile of the values"
            )
        arrays = (profile.values, profile.weights, result.breaks, result.centroids)
        options: dict[str, Any] = {"widths": profile.widths, "name": name, "units": units}
        if ax is None:
            return histogram_figure(*arrays, **options, title=title, cmap=cmap)
        draw_histogram(ax, *arrays, **options, title=title, cmap=cmap)
        return ax.get_figure(root=True)  # type: ignore[return-value]
