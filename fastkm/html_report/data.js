"use strict";
/* The data of the page: arrays are unpacked, and figures of bokeh are drawn. See pack.py. */

const data = JSON.parse(document.getElementById("data").textContent);

const arrayTypes = {
  int8: Int8Array, int16: Int16Array, int32: Int32Array, uint8: Uint8Array, uint16: Uint16Array,
  float32: Float32Array, float64: Float64Array,
};

/* Return {data, shape} of an array that pack_array packed. */
async function unpackArray(packed) {
  const bytes = Uint8Array.from(atob(packed.bytes), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  return { data: new arrayTypes[packed.type](buffer), shape: packed.shape };
}

/* Return the values of cells as {numbers, read}: read(cell) is a number, or null if it is missing. */
async function unpackValues(packed) {
  const { data: bytes, shape: [, rows, columns] } = await unpackArray(packed.steps);
  const cells = rows * columns;
  const numbers = new Uint16Array(cells);
  for (let cell = 0; cell < cells; cell++) {
    const before = cell % columns ? numbers[cell - 1] : 0;
    numbers[cell] = before + bytes[cell] + 256 * bytes[cells + cell];
  }
  const { first, decimals } = packed;
  return (cell) => {
    if (numbers[cell] === 65535) return null;
    const whole = first + numbers[cell];
    return decimals < 0 ? whole * 10 ** -decimals : whole / 10 ** decimals;
  };
}

/* Return lines as lists of x and lists of y, in the coordinates of the map. */
async function unpackLines(packed) {
  const [columns, rows, ends] = await Promise.all(
    [packed.columns, packed.rows, packed.ends].map(unpackArray));
  const place = (steps, { first, step }) => {
    let at = 0;
    return Array.from(steps, (moved) => first + ((at += moved) / packed.parts) * step);
  };
  const [x, y] = [place(columns.data, data.x), place(rows.data, data.y)];
  const cut = (all) => Array.from(ends.data, (end, line) => all.slice(line ? ends.data[line - 1] : 0, end));
  return { xs: cut(x), ys: cut(y) };
}

/* Return regions as lists of polygons, each a list of rings. */
async function unpackRegions(packed) {
  const [rings, ofPolygon, ofRegion] = await Promise.all([
    unpackLines(packed.rings), unpackArray(packed.rings_of_polygon),
    unpackArray(packed.polygons_of_region)]);
  const take = (list, counts) => {
    let start = 0;
    return Array.from(counts, (count) => list.slice(start, start += count));
  };
  const group = (list) => take(take(list, ofPolygon.data), ofRegion.data);
  return { xs: group(rings.xs), ys: group(rings.ys) };
}

const drawn = []; // {place, document, view} of each figure

/* Draw a figure of bokeh into the element of its name; return its document. */
async function embed(name) {
  const place = document.getElementById(`figure-${name}`);
  const views = await Bokeh.embed.embed_item(data.figures[name], place.id);
  const made = Bokeh.documents[Bokeh.documents.length - 1];
  drawn.push({ place, document: made, view: views.roots[0] });
  applyTheme(made);
  return made;
}

/* Put light pictures of the figures beside them: paper may be narrower than the screen. */
function preparePaper() {
  document.documentElement.dataset.paper = "";
  for (const { place, document: made, view } of drawn) {
    if (!place.offsetWidth) continue;
    applyTheme(made);
    view.repaint();
    const picture = new Image();
    picture.className = "paper";
    picture.alt = place.getAttribute("aria-label");
    picture.src = view.export("png").canvas.toDataURL();
    place.after(picture);
  }
}

function removePaper() {
  delete document.documentElement.dataset.paper;
  document.querySelectorAll("img.paper").forEach((picture) => picture.remove());
  drawn.forEach(({ document: made }) => applyTheme(made));
}

/* Give a figure the colours of the page, light or dark, on the screen or on paper. */
function applyTheme(made) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  for (const plot of made.roots()) {
    plot.border_fill_color = colour("--page");
    for (const axis of [...plot.below, ...plot.left]) {
      axis.major_label_text_color = colour("--ink");
      axis.axis_label_text_color = colour("--ink");
      axis.axis_line_color = colour("--line");
      axis.major_tick_line_color = colour("--line");
    }
    for (const grid of plot.center) if ("grid_line_color" in grid) grid.grid_line_color = colour("--line");
    for (const { name, glyph } of plot.renderers) if (name === "ink") glyph.line_color = colour("--ink");
    if (made.get_model_by_name("cells")) plot.background_fill_color = colour("--missing");
  }
}

/* Return degrees with their hemisphere, such as 60°E. */
function formatDegrees(value, kind) {
  let degrees = kind === "longitude" ? ((value + 180) % 360 + 360) % 360 - 180 : value;
  degrees = Number(degrees.toFixed(6));
  if (degrees === 0 || degrees === -180) return `${Math.abs(degrees)}°`;
  const [positive, negative] = kind === "latitude" ? "NS" : "EW";
  return `${Math.abs(degrees)}°${degrees > 0 ? positive : negative}`;
}
