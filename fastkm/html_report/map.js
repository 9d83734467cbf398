"use strict";
/* The label map: cells in the colours of their clusters, lines over them, and one cell that is read.

   Others may call:
     view.setLabels(labels)        draw other labels on the same grid, a typed array, -1 missing
     view.setClustering(one)       {labels, colours, names}
     view.setLines(name, {xs, ys}) "shores", "regions", "chosen-region", "tracks", "chosen-track"
     view.setPoints(name, {x, y})  "track-heads"
     view.zoomTo([west, south, east, north]), view.zoomOut()
     view.plot, view.document      bokeh's figure and its document */

class MapView {
  constructor(made, readValue) {
    this.document = made;
    this.plot = made.roots()[0];
    this.readValue = readValue;
    this.alone = null; // the cluster that is seen alone
    this.cell = null; // [row, column] of the mark
    this.place = document.getElementById("figure-map");
    const [x, y] = [data.x, data.y];
    const ends = ({ first, step, count }) => [first - step / 2, first + (count - 0.5) * step].sort((a, b) => a - b);
    const [[west, east], [south, north]] = [ends(x), ends(y)];
    this.whole = this.seen = [west, south, east, north];
    this.listen();
  }

  source(name) {
    return this.document.get_model_by_name(name);
  }

  setLines(name, lines) {
    this.source(name).data = lines;
  }

  setPoints(name, points) {
    this.source(name).data = points;
  }

  setClustering({ labels, colours, names }) {
    [this.colours, this.names, this.alone] = [colours, names, null];
    this.setLabels(labels);
  }

  setLabels(labels) {
    this.labels = labels;
    this.paint();
    if (this.cell) this.showCell(...this.cell, false);
  }

  /* Show one cluster in its colour, and the others faintly; all for null. */
  showAlone(cluster) {
    this.alone = cluster;
    this.paint();
  }

  paint() {
    const { count: columns, step: stepX } = data.x, { count: rows, step: stepY } = data.y;
    const tints = Uint32Array.from(this.colours, (colour, cluster) => {
      const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
      const alpha = this.alone === null || this.alone === cluster ? 255 : 40;
      return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    });
    const pixels = new Uint32Array(rows * columns); // from the south-west corner
    for (let row = 0; row < rows; row++) {
      const from = row * columns, to = (stepY > 0 ? row : rows - 1 - row) * columns;
      for (let column = 0; column < columns; column++) {
        const label = this.labels[from + (stepX > 0 ? column : columns - 1 - column)];
        if (label >= 0) pixels[to + column] = tints[label];
      }
    }
    const source = this.source("cells");
    const NDArray = source.data.image[0].constructor;
    source.data = { image: [new NDArray(pixels.buffer, [rows, columns])] };
  }

  /* Fit a part of the map into the frame, in the scale of the map. */
  zoomTo([west, south, east, north]) {
    this.seen = [west, south, east, north];
    const { inner_width: width, inner_height: height, x_range: across, y_range: up } = this.plot;
    if (!(width > 0 && height > 0)) return;
    const [left, bottom, right, top] = this.whole;
    const ratio = data.ratio * (right - left) / (top - bottom); // of a unit of y to one of x, in pixels
    const perPixel = Math.max((east - west) / width, (north - south) * ratio / height);
    const [x, y] = [(west + east) / 2, (south + north) / 2];
    across.setv({ start: x - perPixel * width / 2, end: x + perPixel * width / 2 });
    up.setv({ start: y - perPixel * height / ratio / 2, end: y + perPixel * height / ratio / 2 });
  }

  zoomOut() {
    this.zoomTo(this.whole);
  }

  /* Zoom by a factor, round the mark if it is seen, otherwise round the middle. */
  zoomBy(factor) {
    const { x_range: across, y_range: up } = this.plot;
    const [x, y] = this.cell ? this.locate(...this.cell)
      : [(across.start + across.end) / 2, (up.start + up.end) / 2];
    const [dx, dy] = [(across.end - across.start) / factor / 2, (up.end - up.start) / factor / 2];
    const [west, south, east, north] = this.whole;
    if (2 * dx >= east - west && 2 * dy >= north - south) this.zoomOut();
    else this.zoomTo([x - dx, y - dy, x + dx, y + dy]);
  }

  locate(row, column) {
    return [data.x.first + column * data.x.step, data.y.first + row * data.y.step];
  }

  /* Return the words for a cell: where it lies, its value, its cluster. */
  describe(row, column) {
    const [x, y] = this.locate(row, column);
    const cell = row * data.x.count + column, label = this.labels[cell];
    const where = data.x.degrees ? [formatPlace(y, data.y), formatPlace(x, data.x)]
      : [formatPlace(x, data.x), formatPlace(y, data.y)];
    const value = this.readValue ? this.readValue(cell) : null;
    const shown = value === null ? "" : ` ${formatNumber(value)} ${data.units}`.trimEnd() + ",";
    const cluster = label < 0 ? "missing" : `cluster ${label} (${this.names[label]})`;
    return `${where.join(", ")}:${shown} ${cluster}`;
  }

  showCell(row, column, announce) {
    this.cell = [row, column];
    const [x, y] = this.locate(row, column);
    this.source("mark").data = { x: [x], y: [y] };
    const text = this.describe(row, column);
    document.getElementById("reading").textContent = text;
    if (announce) document.getElementById("announced").textContent = text;
  }

  hideCell() {
    this.cell = null;
    this.source("mark").data = { x: [], y: [] };
    document.getElementById("reading").textContent = "Point at a cell to read it.";
  }

  /* Move the mark, and what is seen if it would leave that. */
  moveCell(down, right) {
    const { x_range: across, y_range: up } = this.plot;
    const middle = [[data.y, up], [data.x, across]].map(([side, range]) =>
      Math.round(((range.start + range.end) / 2 - side.first) / side.step));
    const [row, column] = this.cell ? [this.cell[0] + down, this.cell[1] + right] : middle;
    const within = (at, { count }) => Math.max(0, Math.min(count - 1, at));
    this.showCell(within(row, data.y), within(column, data.x), true);
    const [x, y] = this.locate(...this.cell);
    if (x < across.start || x > across.end || y < up.start || y > up.end) this.zoomBy(1);
  }

  listen() {
    this.plot.on_event("mousemove", ({ x, y }) => {
      const column = Math.round((x - data.x.first) / data.x.step);
      const row = Math.round((y - data.y.first) / data.y.step);
      if (column < 0 || row < 0 || column >= data.x.count || row >= data.y.count) this.hideCell();
      else if (!this.cell || this.cell[0] !== row || this.cell[1] !== column) this.showCell(row, column, false);
    });
    this.plot.on_event("tap", () => this.place.focus({ preventScroll: true }));
    this.plot.on_event("rangesupdate", ({ x0, y0, x1, y1 }) => { this.seen = [x0, y0, x1, y1]; });
    for (const name of ["inner_width", "inner_height"]) {
      this.plot.connect(this.plot.properties[name].change, () => this.zoomTo(this.seen));
    }
    const onClick = (id, act) => document.getElementById(id).addEventListener("click", act);
    onClick("zoom-in", () => this.zoomBy(2));
    onClick("zoom-out", () => this.zoomBy(0.5));
    onClick("zoom-all", () => this.zoomOut());
    this.place.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 10 : 1;
    const [up, right] = [Math.sign(data.y.step) * far, Math.sign(data.x.step) * far];
    const acts = {
      ArrowUp: () => this.moveCell(up, 0),
      ArrowDown: () => this.moveCell(-up, 0),
      ArrowRight: () => this.moveCell(0, right),
      ArrowLeft: () => this.moveCell(0, -right),
      "+": () => this.zoomBy(2),
      "=": () => this.zoomBy(2),
      "-": () => this.zoomBy(0.5),
      0: () => this.zoomOut(),
      Escape: () => this.hideCell(),
    };
    if (!(event.key in acts)) return;
    event.preventDefault();
    acts[event.key]();
  }
}

/* Return a coordinate with the decimals that tell cells apart. */
function formatPlace(value, side) {
  const decimals = Math.max(0, Math.min(12, 2 - Math.floor(Math.log10(Math.abs(side.step)))));
  const rounded = Number(value.toFixed(decimals));
  if (side.degrees) return formatDegrees(rounded, side.degrees);
  return `${side.name} ${formatNumber(rounded)} ${side.units}`.trimEnd();
}

function formatNumber(value) {
  return String(Number(value.toPrecision(14))).replace("-", "−");
}
