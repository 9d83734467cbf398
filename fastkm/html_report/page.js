"use strict";
/* Draw the page: the map first, then the charts. */

async function startPage() {
  const made = await embed("map");
  const readValue = data.values && await unpackValues(data.values);
  const view = new MapView(made, readValue);
  for (const one of data.clusterings) one.labels = (await unpackArray(one.labels)).data;
  view.setClustering(data.clusterings[data.shown]);
  view.setLines("shores", await unpackLines(data.shores));
  view.zoomOut();
  const resets = data.clusterings.map((one, at) =>
    makeChoices(document.getElementById(`clusters-${at}`), (cluster) => view.showAlone(cluster)));
  const shown = new Set();
  const drawHistogram = async (at) => {
    if (!(`histogram-${at}` in data.figures) || shown.has(at)) return;
    shown.add(at);
    await embed(`histogram-${at}`); // a figure that is hidden has no width
  };
  const choices = [...document.querySelectorAll("input[name=clustering]")];
  let drawRegions = () => {};
  const showClustering = (at) => {
    for (const part of document.querySelectorAll("[data-clustering]")) {
      part.hidden = Number(part.dataset.clustering) !== at;
    }
    choices[at].checked = true;
    resets.forEach((reset) => reset());
    view.setClustering(data.clusterings[at]);
    drawRegions();
    drawHistogram(at);
  };
  choices.forEach((choice, at) => choice.addEventListener("change", () => showClustering(at)));
  if (data.regions) drawRegions = await listRegions(view, showClustering);
  if (data.timeline) await startTimeline(view, data.timeline);
  await drawHistogram(data.shown);
  if ("scores" in data.figures) await embed("scores");
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
  drawn.forEach(({ document: made }) => applyTheme(made)));
addEventListener("beforeprint", preparePaper);
addEventListener("afterprint", removePaper);
Bokeh.set_log_level("warn");
startPage().then(
  () => { document.documentElement.dataset.state = "ready"; },
  (error) => {
    const place = document.getElementById("problem");
    place.hidden = false;
    place.textContent = `The map cannot be drawn: ${error.message} (a browser of 2023 or later is needed).`;
    throw error;
  });
