// Trimming a clip: two handles on its strip, and words that are selected.
import { h, say } from "./dom.js";
import { clock, span } from "./format.js";
import { button } from "./ui.js";

const LEAST_S = 1;
const STEP_S = 0.1;

/** The marks of a cut over a Strip. `bounds` [from, to] in media time; `change()` is called when a mark moves. */
export class Trim {
  constructor(strip, { start_s: start, end_s: end }, bounds, change) {
    Object.assign(this, { strip, first: start, last: end, start, end, bounds, change });
    this.shade = h("div", { class: "trim-span" });
    this.handles = { start: this.#handle("start", "Start of the clip"), end: this.#handle("end", "End of the clip") };
    strip.onLayout = () => this.place();
    this.place();
  }

  get isChanged() {
    return Math.abs(this.start - this.first) > 0.05 || Math.abs(this.end - this.last) > 0.05;
  }

  set(start, end) {
    const [low, high] = this.bounds;
    this.start = Math.max(low, Math.min(start, high - LEAST_S));
    this.end = Math.min(high, Math.max(end, this.start + LEAST_S));
    this.place();
    this.change();
  }

  reset() {
    this.set(this.first, this.last);
  }

  /** Puts the marks where they belong; the strip may have been drawn anew. */
  place() {
    const { over } = this.strip;
    if (!over) return;
    if (this.shade.parentNode !== over) over.append(this.shade, this.handles.start, this.handles.end);
    const [left, right] = [this.strip.toX(this.start), this.strip.toX(this.end)];
    this.shade.style.left = `${left}px`;
    this.shade.style.width = `${Math.max(0, right - left)}px`;
    for (const [name, x] of [["start", left], ["end", right]]) {
      this.handles[name].style.left = `${x}px`;
      this.handles[name].setAttribute("aria-valuenow", this[name].toFixed(1));
      this.handles[name].setAttribute("aria-valuetext", clock(this[name], true));
    }
  }

  #handle(name, label) {
    const made = h("div", { class: "handle", role: "slider", tabIndex: 0, "aria-label": label, "aria-valuemin": this.bounds[0].toFixed(1), "aria-valuemax": this.bounds[1].toFixed(1) });
    const move = (t) => (name === "start" ? this.set(Math.min(t, this.end - LEAST_S), this.end) : this.set(this.start, Math.max(t, this.start + LEAST_S)));
    made.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      made.setPointerCapture(event.pointerId);
      made.focus();
    });
    made.addEventListener("pointermove", (event) => {
      if (!made.hasPointerCapture(event.pointerId)) return;
      move(this.strip.toTime(event.clientX - this.strip.over.getBoundingClientRect().left));
    });
    made.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -STEP_S, ArrowRight: STEP_S, PageDown: -1, PageUp: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      move(this[name] + step * (event.shiftKey ? 10 : 1));
    });
    return made;
  }
}

/** The words around a clip: a click goes there, a selection can become the cut. `seek(t)`, `trim` a Trim or null. */
export function transcript(words, { seek, trim }) {
  const spans = words.map((word, at) => h("span", { data: { at } }, `${word.text} `));
  const box = h("div", { class: "transcript", tabIndex: 0, role: "group", "aria-label": "Words" }, spans);
  const take = trim && button("Trim to these words", () => {
    const [from, to] = take.dataset.range.split(" ").map(Number);
    trim.set(words[from].start_s - 0.15, words[to].end_s + 0.25);
    getSelection().removeAllRanges();
  }, { icon: "scissors" });
  if (take) take.disabled = true;
  box.addEventListener("click", ({ target }) => {
    const at = target.dataset?.at;
    if (at !== undefined && getSelection().isCollapsed) seek(words[at].start_s);
  });
  const onSelect = () => {
    const range = selectedWords(spans);
    take.disabled = range === null;
    if (range) take.dataset.range = range.join(" ");
  };
  let now = -1;
  return {
    element: h("div", {}, box, take && h("div", { class: "trim-row" }, take, h("span", { class: "soft" }, "Select words above to cut around them."))),
    listen: (signal) => take && document.addEventListener("selectionchange", onSelect, { signal }),
    at(t) {
      const next = words.findIndex((word) => word.start_s <= t && t < word.end_s + 0.2);
      if (next === now) return;
      spans[now]?.classList.remove("is-now");
      spans[next]?.classList.add("is-now");
      now = next;
    },
    mark(start, end) {
      words.forEach((word, at) => spans[at].classList.toggle("is-out", word.end_s < start || word.start_s > end));
    },
  };
}

function selectedWords(spans) {
  const selection = getSelection();
  if (selection.isCollapsed || !selection.rangeCount) return null;
  const range = selection.getRangeAt(0);
  const touched = spans.map((each, at) => (range.intersectsNode(each) ? at : -1)).filter((at) => at >= 0);
  return touched.length ? [touched[0], touched.at(-1)] : null;
}

/** The row below the strip: what the cut is now, and what to do with it. */
export function trimRow(trim, { apply, mark, mayEdit }) {
  const now = h("span", { class: "strong" });
  const go = button("Apply trim", apply, { class: "primary" });
  const back = button("Reset", () => trim.reset());
  const element = h(
    "div",
    { class: "trim-row" },
    now,
    mayEdit && [button("Start here", () => mark("start"), { key: "[" }), button("End here", () => mark("end"), { key: "]" }), back, go],
  );
  const show = () => {
    say(now, `${clock(trim.start, true)} to ${clock(trim.end, true)}, ${span(trim.end - trim.start)}`);
    go.disabled = back.disabled = !trim.isChanged;
  };
  show();
  return { element, show };
}
