"""Pages that place their panels themselves, in one pass.

matplotlib's layout engines measure each text twice, and a figure that has one is drawn twice when it is
saved: two thirds of the time of a page of eight maps. A page of panels is simpler. All panels have the
same size. Around them stand titles, the numbers and names of axes, and colour bars that are insets. So
each text is measured once, without drawing, and the rest is arithmetic:

    page width = what stands left and right of the columns + columns x width x (1 + beside)

`beside` is how far colour bars reach beyond their panels, as share of the width. Panels are placed
whenever the page is drawn, so a page whose size or limits change stays tidy. If it gets a layout engine,
the page is an ordinary figure.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import ScaledTranslation

from fastkm.plot._text import ignore_text_warnings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

PAD_INCHES = 0.06  # around the page, and around all that belongs to a panel
POINT = 1 / 72  # in inches
LEAST_INCHES = 0.5  # width of a panel between long numbers, for which the page becomes wider
TITLE_POINTS = 6.0  # from a panel to its title, as matplotlib has it


class Room(NamedTuple):
    """What stands around the panels of a page, in inches."""

    left: np.ndarray  # of each column
    right: np.ndarray
    top: np.ndarray  # of each row
    bottom: np.ndarray
    beside: float  # how far colour bars reach to the right, as share of a panel's width
    title: float  # above all panels
    name: float  # left of all panels

    def fit_width(self, page_width: float) -> float:
        """Return how wide panels are if they fill the width of the page."""
        columns = len(self.left)
        around = self.left.sum() + self.right.sum() + 2 * PAD_INCHES * columns + self.name
        return float(page_width - around) / (columns * (1 + self.beside))

    def sum_heights(self) -> float:
        """Return the height of the page without the panels themselves."""
        around = self.top.sum() + self.bottom.sum() + 2 * PAD_INCHES * len(self.top)
        return float(around) + self.title


class PageCanvas(FigureCanvasAgg):
    """The canvas of a page: it keeps its renderer, where a bare figure makes one for each text.

    All pages share one parser of mathematics, with its cache: in each size of each page, matplotlib's own
    would read the units again, 10 ms a text.
    """

    def get_renderer(self) -> Any:
        """Return the renderer for the page's size and resolution."""
        renderer: Any = super().get_renderer()  # type: ignore[no-untyped-call]
        renderer.mathtext_parser = _share_parser(renderer.mathtext_parser)
        return renderer


class ShownFigure(Figure):
    """A figure that notebooks show, whether pyplot is loaded or not."""

    def _repr_png_(self) -> bytes:
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()


class Page(ShownFigure):
    """A figure of panels in the cells of one grid, which are placed whenever it is drawn.

    Parameters
    ----------
    ratio : float, default: 1.0
        Height over width of the panels, for which `trim` makes the page as high as necessary. Charts
        fill the page that they have.
    **options
        Those of `matplotlib.figure.Figure`.
    """

    def __init__(self, ratio: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        PageCanvas(self)
        self._ratio = ratio
        self._measured: tuple[Any, Room] | None = None

    def trim(self, height: float | None = None) -> None:
        """Make the page as high as its panels are in its width; call it when they are drawn.

        If a `height` in inches is given, it becomes that high, and panels as large as fits.
        """
        for ax in self.axes:  # the name of an axis stands where its numbers do
            if not ax.yaxis.get_tick_params().get("labelleft", True):
                ax.set_ylabel("")
            if not ax.xaxis.get_tick_params().get("labelbottom", True):
                ax.set_xlabel("")
        self._arrange(trimmed=True)
        if height is not None:
            self.set_figheight(height)

    def _arrange(self, *, trimmed: bool) -> None:
        """Place the panels; place them again if other numbers suit the new height of colour bars."""
        room: Room | None = None
        for _ in range(2):
            before, room = room, self.measure()
            if room is before:
                break
            if trimmed:
                lack = max(LEAST_INCHES - room.fit_width(self.get_figwidth()), 0.0)
                wider = lack * len(room.left) * (1 + room.beside)
                self.set_figwidth(self.get_figwidth() + wider)
                height = room.fit_width(self.get_figwidth()) * self._ratio
                self.set_figheight(room.sum_heights() + len(room.top) * height)
            place_panels(self, room)

    def measure(self) -> Room:
        """Measure what stands around the panels, or remember it if nothing that counts has changed.

        Another resolution changes nothing: the letters then differ by fractions of a pixel.
        """
        now = (self.get_figwidth(), *(_list_texts(ax) for ax in self.axes))
        if self._measured is None or self._measured[0] != now:
            with ignore_text_warnings():
                self._measured = (now, measure_room(self))
        return self._measured[1]

    def draw(self, renderer: Any) -> None:
        """Place the panels, and draw the page."""
        fixed = any(ax.get_axes_locator() is not None for ax in self.axes)  # while it is cut
        if self.axes and self.get_layout_engine() is None and not fixed:
            self._arrange(trimmed=False)
        super().draw(renderer)


def place_panels(page: Page, room: Room) -> None:
    """Place the panels in the middle of the page, as large as it allows."""
    page_width, page_height = page.get_size_inches()
    width = room.fit_width(page_width)
    height = float(page_height - room.sum_heights()) / len(room.top)
    if min(width, height) <= 0:  # while a window is made small
        return
    ratio = _find_ratio(page.axes[0])
    if ratio is not None:
        width = min(width, height / ratio)
        height = width * ratio
    # The left edge of each column and the upper edge of each row, from the page's upper left corner.
    across = room.left + width * (1 + room.beside) + room.right + 2 * PAD_INCHES
    down = room.top + height + room.bottom + 2 * PAD_INCHES
    lefts = np.cumsum(across) - across + room.left + PAD_INCHES
    lefts += (page_width + room.name - across.sum()) / 2
    tops = np.cumsum(down) - down + room.top + PAD_INCHES
    tops += (page_height + room.title - down.sum()) / 2
    for ax in page.axes:
        row, column = _find_cell(ax)
        ends = (lefts[column], page_height - tops[row] - height, width, height)
        ax.set_position(ends / np.tile(page.get_size_inches(), 2))
        ax.set_in_layout(True)  # which `set_position` ends
    title, name = (getattr(page, text, None) for text in ("_suptitle", "_supylabel"))
    if title is not None:
        title.set_y(1 - PAD_INCHES / page_height)
    if name is not None:
        name.set_x(PAD_INCHES / page_width)


def measure_room(page: Page) -> Room:
    """Measure what stands around the panels, and place the names of their axes."""
    rows, columns = page.axes[0].get_gridspec().get_geometry()  # type: ignore[union-attr]
    left, right, top, bottom = (np.zeros(count) for count in (columns, columns, rows, rows))
    beside = max((_find_reach(ax) for ax in page.axes), default=0.0)
    width = 0.75 * page.get_figwidth() / columns  # near enough to see what reaches beyond panels
    for ax in page.axes:
        row, column = _find_cell(ax)
        sides = _measure_panel(ax, width, beside)
        for ends, at, inches in zip(
            (left, right, top, bottom), (column, column, row, row), sides, strict=True
        ):
            ends[at] = max(ends[at], inches)
    title, name = (getattr(page, text, None) for text in ("_suptitle", "_supylabel"))
    above = 0.0 if title is None else _measure_text(title)[1] + 2 * PAD_INCHES
    ahead = 0.0 if name is None else _measure_text(name)[0] + PAD_INCHES
    return Room(left, right, top, bottom, beside, above, ahead)


_SHARED: list[Any] = []


def _share_parser(parser: Any) -> Any:
    """Return the parser of mathematics of the first renderer."""
    if not _SHARED:
        _SHARED.append(parser)
    return _SHARED[0]


def _list_texts(ax: Axes) -> list[Any]:
    """Return what the texts of a panel and its insets are made from."""
    found: list[Any] = [ax.get_title(place) for place in ("left", "center", "right")]
    for own in (ax, *ax.child_axes):
        found += [own.get_xlim(), own.get_ylim()]
        for axis in (own.xaxis, own.yaxis):
            found += [axis.get_label_text(), axis.get_major_locator(), axis.get_major_formatter()]
    return found + [own.get_yticks().tolist() for own in (ax, *ax.child_axes)]


def _find_cell(ax: Axes) -> tuple[int, int]:
    """Return row and column of a panel in the grid of the page."""
    spec: Any = ax.get_subplotspec()
    return spec.rowspan.start, spec.colspan.start


def _find_ratio(ax: Axes) -> float | None:
    """Return height over width of a panel that keeps its scale, otherwise None."""
    aspect = ax.get_aspect()
    if aspect == "auto":
        return None
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    return float(aspect) * abs(top - bottom) / abs(right - left)


def _find_reach(ax: Axes) -> float:
    """Return how far the insets of a panel reach to the right of it, as share of its width."""
    frame = ax.get_position()
    insets: list[Any] = ax.child_axes
    boxes = [inset.get_axes_locator()(inset, None) for inset in insets]
    return max([(box.x1 - frame.x0) / frame.width - 1 for box in boxes], default=0.0)


def _measure_panel(ax: Axes, width: float, beside: float) -> tuple[float, float, float, float]:
    """Return the room at the left, right, top and bottom of a panel about `width` inches wide."""
    below, over, halves, places = _measure_axis(ax.xaxis)
    below += _measure_power(ax.xaxis)
    ahead, behind, halves_up, _ = _measure_axis(ax.yaxis)
    edge = max(halves_up, default=0.0)  # half of a number at the end of the axis
    power = _measure_power(ax.yaxis)
    for inset in ax.child_axes:
        _, after, half, _ = _measure_axis(inset.yaxis)
        behind, edge = max(behind, after), max(edge, *half, 0.0)
        power = max(power, _measure_power(inset.yaxis))
    # Only beside a power of ten, matplotlib has to look for a place for the title.
    ax._autotitlepos = power > 0.0  # type: ignore[attr-defined]
    top = max(over, edge)
    # Titles, and numbers and notes at the ends, may reach beyond the panel.
    spans = [(place * width, half, half) for place, half in zip(places, halves, strict=True)]
    for note in ax.texts:
        box, frame = note.get_window_extent(), ax.bbox
        middle = ((box.x0 + box.x1) / 2 - frame.x0) / frame.width
        reach = _measure_text(note)[0] / 2
        spans.append((middle * width, reach, reach))
    for name, place in (("_left_title", 0.0), ("title", 0.5), ("_right_title", 1.0)):
        title = getattr(ax, name)
        if title.get_text():
            wide, high = _measure_text(title)
            spans.append((place * width, place * wide, (1 - place) * wide))
            top = max(top, high + TITLE_POINTS * POINT)
    first = max([before - place for place, before, _ in spans], default=0.0)
    last = max([place + after - width * (1 + beside) for place, _, after in spans], default=0.0)
    return max(ahead, first), max(behind, last), top + power, max(below, edge)


def _measure_axis(axis: Axis) -> tuple[float, float, list[float], list[float]]:
    """Measure the numbers and the name of an axis, and place the name beside them.

    Return the room before the axis (left or below) and after it, and of each number half its length
    along the axis and its place, from 0 to 1.
    """
    page: Any = axis.get_figure()
    along = axis.axis_name  # type: ignore[attr-defined]
    tick: Any = axis.get_major_ticks(1)[0]
    labels = (tick.label1, tick.label2)
    shown = [label.get_visible() for label in labels]
    sizes: list[tuple[float, float]] = []
    places: list[float] = []
    if any(shown):
        where = np.asarray(axis.get_majorticklocs(), float)
        texts = axis.get_major_formatter().format_ticks(where.tolist())
        first, last = axis.axes.get_xlim() if along == "x" else axis.axes.get_ylim()
        font = labels[shown.index(True)].get_fontproperties()
        for text, place in zip(texts, (where - first) / (last - first), strict=True):
            if text and -1e-6 <= place <= 1 + 1e-6:
                probe = Text(0, 0, text, fontproperties=font)
                probe.set_figure(page)
                sizes.append(_measure_text(probe))
                places.append(float(place))
    across, length = (1, 0) if along == "x" else (0, 1)
    depth = max((size[across] for size in sizes), default=0.0) + tick.get_pad() * POINT
    mark = tick.get_tick_padding() * POINT
    sides = [mark + depth * visible for visible in shown]
    # The name stands beyond the numbers, whether there are any or not.
    after = axis.get_label_position() in {"right", "top"}
    away = sides[after] + axis.labelpad * POINT
    if axis.label.get_text():
        sides[after] = away + _measure_text(axis.label)[across]
    _place_name(axis, after, away)
    return sides[0], sides[1], [size[length] / 2 for size in sizes], places


def _place_name(axis: Axis, after: bool, away: float) -> None:
    """Place the name of an axis so many inches from the frame.

    Left alone, matplotlib measures all numbers again to find the place, even if there is no name.
    """
    shift = away if after else -away
    place: Any = axis.axes.transAxes
    scale = axis.axes.figure.dpi_scale_trans
    if axis.axis_name == "x":  # type: ignore[attr-defined]
        axis.set_label_coords(0.5, float(after), place + ScaledTranslation(0, shift, scale))
    else:
        axis.set_label_coords(float(after), 0.5, place + ScaledTranslation(shift, 0, scale))


def _measure_power(axis: Axis) -> float:
    """Return the room for a power of ten above a vertical axis, or a date below a level one."""
    if not axis.get_major_formatter().get_offset():
        return 0.0
    return (1.2 * float(axis.offsetText.get_fontsize()) + 3.0) * POINT


def _measure_text(text: Text) -> tuple[float, float]:
    """Return width and height of a text in inches."""
    box, dpi = text.get_window_extent(), text.get_figure(root=True).dpi  # type: ignore[union-attr]
    return box.width / dpi, box.height / dpi
