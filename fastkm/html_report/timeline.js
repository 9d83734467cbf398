"use strict";
/* The steps of an archive: a slider, a mark on the curves, maps of steps, tracks and their table. */

const STEP_MILLISECONDS = 250; // how long each step is seen while the steps play
let timeline = null; // that of this page

class Timeline {
  constructor(view, steps, made) {
    this.view = view;
    this.steps = steps; // as timeline.py packs them, with tracks unpacked
    this.mark = made.get_model_by_name("shown");
    this.slider = document.getElementById("step");
    this.name = document.getElementById("step-name");
    this.button = document.getElementById("play");
    this.step = 0; // the step that is shown
    this.drawn = 0; // the map that is drawn
    this.chosen = null; // the track that is chosen
    this.turn = null; // while the steps play
    this.listen(made);
  }

  listen(made) {
    this.slider.addEventListener("input", () => this.goTo(Number(this.slider.value)));
    this.button.addEventListener("click", () => (this.turn ? this.pause() : this.play()));
    made.roots()[0].on_event("tap", ({ x }) => this.goTo(this.findStep(x)));
    const table = document.getElementById("tracks");
    if (!table) return;
    this.rows = [...table.querySelectorAll("tbody tr")];
    makeChoices(table, (track) => this.choose(track));
  }

  goTo(step) {
    this.pause();
    return this.show(step);
  }

  /* Show a step: its name, its place on the curves, the tracks up to it, and its map. */
  async show(step) {
    this.step = step;
    const name = this.steps.steps[step];
    this.slider.value = step;
    this.slider.setAttribute("aria-valuetext", name);
    this.name.textContent = name;
    this.mark.location = this.steps.times[step];
    if (this.rows) this.drawTracks();
    await this.drawMap();
  }

  /* Draw the map of the step that is shown or, if it has none, the last one before it. */
  async drawMap() {
    const { mapped, maps, steps } = this.steps;
    let at = mapped.length - 1;
    while (mapped[at] > this.step) at--;
    document.getElementById("step-note").textContent =
      mapped[at] === this.step ? "" : `The map is that of ${steps[mapped[at]]}.`;
    this.wanted = at;
    if (this.drawn === at) return;
    const labels = (await unpackArray(maps[at])).data;
    if (this.wanted !== at) return; // the slider has gone on
    this.drawn = at;
    this.view.setLabels(labels);
  }

  /* Draw the tracks that are there at this step, up to it, and all of the chosen one. */
  drawTracks() {
    const past = { xs: [], ys: [] }, heads = { x: [], y: [] };
    this.steps.tracks.forEach(({ xs, ys, steps }, number) => {
      const there = steps[0] <= this.step && this.step <= steps[steps.length - 1];
      this.rows[number].classList.toggle("there", there);
      if (!there) return;
      const until = steps.filter((step) => step <= this.step).length;
      past.xs.push(xs.slice(0, until));
      past.ys.push(ys.slice(0, until));
      heads.x.push(xs[until - 1]);
      heads.y.push(ys[until - 1]);
    });
    const chosen = this.chosen === null ? [] : [this.steps.tracks[this.chosen]];
    this.view.setLines("tracks", past);
    this.view.setPoints("track-heads", heads);
    this.view.setLines("chosen-track", { xs: chosen.map(({ xs }) => xs), ys: chosen.map(({ ys }) => ys) });
  }

  /* Choose a track, and go to its first step; or none. */
  choose(track) {
    this.chosen = track;
    this.goTo(track === null ? this.step : this.steps.tracks[track].steps[0]);
    if (track !== null) this.view.place.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  /* Return the step whose time is nearest. */
  findStep(time) {
    const distance = (step) => Math.abs(this.steps.times[step] - time);
    return this.steps.times.reduce((best, _, step) => (distance(step) < distance(best) ? step : best), 0);
  }

  /* Show one step after another up to the last one; from there begin again. */
  async play() {
    const turn = (this.turn = {}); // until it is paused
    const last = this.steps.steps.length - 1;
    this.button.textContent = "Pause";
    this.name.setAttribute("aria-live", "off");
    while (this.turn === turn) {
      await this.show(this.step === last ? 0 : this.step + 1);
      await new Promise((done) => setTimeout(done, STEP_MILLISECONDS));
      if (this.turn === turn && this.step === last) this.pause();
    }
  }

  pause() {
    this.turn = null;
    this.button.textContent = "Play";
    this.name.setAttribute("aria-live", "polite");
  }
}

/* Return tracks as lists of x, of y and of steps. */
async function unpackTracks(packed) {
  const [x, y, steps] = await Promise.all([packed.x, packed.y, packed.steps].map(unpackArray));
  return packed.ends.map((end, track) => {
    const cut = ({ data: all }) => Array.from(all.subarray(track ? packed.ends[track - 1] : 0, end));
    return { xs: cut(x), ys: cut(y), steps: cut(steps) };
  });
}

async function startTimeline(view, steps) {
  if (steps.tracks) steps.tracks = await unpackTracks(steps.tracks);
  timeline = new Timeline(view, steps, await embed("sizes"));
  await timeline.show(0);
}
