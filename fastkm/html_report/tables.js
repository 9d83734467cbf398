"use strict";
/* Tables whose rows are choices: the first cell of a row is a button, and a click anywhere counts. */

/* Call choose(number) when a row is chosen, and choose(null) when it is chosen again. */
function makeChoices(table, choose) {
  const buttons = [...table.querySelectorAll("tbody button")];
  const press = (chosen) => {
    const taken = buttons[chosen].getAttribute("aria-pressed") === "true" ? null : chosen;
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(at === taken)));
    choose(taken);
  };
  buttons.forEach((button, at) => button.closest("tr").addEventListener("click", () => press(at)));
  return () => buttons.forEach((button) => button.setAttribute("aria-pressed", "false"));
}

/* List the regions: the map has those of the k that is shown, and the one whose row is chosen in red.
   Return what is to be done when another k is shown. */
async function listRegions(view, showClustering) {
  const regions = await unpackRegions(data.regions);
  const { ks } = data.regions;
  const isShown = (at) => ks.length === 0 || ks[at] === view.names.length;
  const draw = () => view.setLines("regions", {
    xs: regions.xs.filter((_, at) => isShown(at)), ys: regions.ys.filter((_, at) => isShown(at)) });
  makeChoices(document.getElementById("regions"), (at) => {
    if (at === null) {
      view.setLines("chosen-region", { xs: [], ys: [] });
      view.zoomOut();
      return;
    }
    const position = data.clusterings.findIndex(({ names }) => names.length === ks[at]);
    if (!isShown(at) && position >= 0) showClustering(position);
    const [xs, ys] = [regions.xs[at], regions.ys[at]];
    view.setLines("chosen-region", { xs: [xs], ys: [ys] });
    const [[west, east], [south, north]] = [findEnds(xs), findEnds(ys)];
    const [roomX, roomY] = [0.15 * (east - west), 0.15 * (north - south)];
    view.zoomTo([west - roomX, south - roomY, east + roomX, north + roomY]);
    view.place.scrollIntoView({ block: "nearest" });
  });
  draw();
  return draw;
}

/* Return the least and the greatest coordinate of the polygons of a region. */
function findEnds(polygons) {
  const all = polygons.flat(2);
  return [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
}
