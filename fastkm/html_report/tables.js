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

/* Show a region on the map when its row is chosen, and the whole map when it is no longer. */
async function listRegions(view) {
  const regions = await unpackRegions(data.regions);
  view.setLines("regions", regions);
  makeChoices(document.getElementById("regions"), (at) => {
    if (at === null) {
      view.setLines("chosen-region", { xs: [], ys: [] });
      view.zoomOut();
      return;
    }
    const [xs, ys] = [regions.xs[at], regions.ys[at]];
    view.setLines("chosen-region", { xs: [xs], ys: [ys] });
    const ends = (rings) => {
      const all = rings.flat(2);
      return [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
    };
    const [[west, east], [south, north]] = [ends(xs), ends(ys)];
    const [roomX, roomY] = [0.15 * (east - west), 0.15 * (north - south)];
    view.zoomTo([west - roomX, south - roomY, east + roomX, north + roomY]);
    view.place.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
}
