// The signal strip: how likely a moment was over media time, the bar it had to reach, and what was decided. By uPlot.
import uPlot from "../vendor/uPlot.esm.js";
import { colour, h } from "./dom.js";
import { clock } from "./format.js";

const MOST_PLAYED = 20;
const TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];

/** `data` of GET /sessions/{id}/signals; `spans` [{start_s, end_s, tone}] are drawn behind. `onSeek(t_s)` on a click. */
export class Strip {
  #data = null;
  #spans = [];

  constructor(host, { high = 120, onSeek = () => {}, signal }) {
    Object.assign(this, { host, high, onSeek });
    this.element = h("div", { class: "strip", vars: { "min-height": `${high}px` } });
    this.playhead = h("div", { class: "playhead", hidden: true });
    host.append(this.element);
    this.observer = new ResizeObserver(() => this.plot && this.#resize());
    this.observer.observe(this.element);
    const anew = () => this.#make();
    addEventListener("theme", anew, { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", anew, { signal });
    signal.addEventListener("abort", () => {
      this.observer.disconnect();
      this.plot?.destroy();
    });
  }

  /** The plotting area, for what is laid over it. */
  get over() {
    return this.plot?.over ?? null;
  }

  set(data, spans = this.#spans, range = null) {
    const before = this.#data?.series ? Object.keys(this.#data.series).join() : "";
    this.#data = data;
    this.#spans = spans;
    this.range = range;
    if (this.plot && before === Object.keys(data.series ?? {}).join()) this.plot.setData(this.#columns());
    else this.#make();
  }

  /** Where the player is. */
  at(t_s) {
    if (!this.plot) return;
    const x = this.plot.valToPos(t_s, "x");
    this.playhead.hidden = !(x >= 0 && x <= this.plot.over.clientWidth);
    this.playhead.style.transform = `translateX(${x}px)`;
  }

  toX = (t_s) => this.plot.valToPos(t_s, "x");
  toTime = (x) => this.plot.posToVal(x, "x");

  #columns() {
    const { start_s: start, step_s: step, p = [], bar = [] } = this.#data;
    const level = this.#level();
    const count = Math.max(p.length, bar.length, level.length);
    const xs = Array.from({ length: count }, (_, at) => start + at * step);
    const whole = (values) => xs.map((_, at) => (Number.isFinite(values[at]) ? values[at] : null));
    return [xs, whole(level), whole(bar), whole(p)];
  }

  #level() {
    return this.#data.series?.loudness ?? [];
  }

  #resize() {
    const width = this.element.clientWidth;
    if (width && width !== this.plot.width) {
      this.plot.setSize({ width, height: this.high });
    }
  }

  #make() {
    if (!this.#data) return;
    this.plot?.destroy();
    const tones = { accent: colour("accent"), soft: colour("soft"), line: colour("line"), edge: colour("edge"), warn: colour("warn"), good: colour("good"), bad: colour("bad") };
    const wash = { accent: colour("accent-wash"), warn: colour("warn-wash"), bad: colour("bad-wash"), good: colour("good-wash") };
    const axis = { stroke: tones.soft, grid: { stroke: tones.line, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    this.plot = new uPlot(
      {
        width: this.element.clientWidth || 600,
        height: this.high,
        padding: [8, 10, 0, 4],
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false, y: false } },
        scales: { x: { time: false, range: (_u, low, high) => this.range ?? [low ?? 0, high ?? 1] }, y: { range: [0, 1] }, db: { range: (_u, low, high) => [low ?? 0, (low ?? 0) + Math.max(20, ((high ?? 1) - (low ?? 0)) * 2)] } },
        axes: [
          { ...axis, size: 24, space: 70, incrs: TICKS, values: (_u, values) => values.map((each) => clock(each)) },
          { ...axis, size: 34, splits: () => [0, 0.5, 1], values: (_u, values) => values.map((each) => Math.round(each * 100)) },
        ],
        series: [
          {},
          { scale: "db", stroke: tones.edge, fill: tones.line, fillTo: (plot) => plot.scales.db.min, width: 1, points: { show: false } },
          { stroke: tones.soft, dash: [5, 4], width: 1.2, points: { show: false } },
          { stroke: tones.accent, fill: wash.accent, width: 1.6, points: { show: false } },
        ],
        hooks: { drawClear: [(plot) => this.#drawSpans(plot, wash, tones)], draw: [() => this.onLayout?.()] },
      },
      this.#columns(),
      this.element,
    );
    this.plot.over.append(this.playhead);
    this.plot.over.addEventListener("click", (event) => {
      if (event.target === this.plot.over) this.onSeek(this.toTime(event.offsetX));
    });
  }

  #drawSpans(plot, wash, tones) {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const { start_s: start, end_s: end, tone } of this.#spans) {
      const x = plot.valToPos(start, "x", true);
      const wide = Math.max(2, plot.valToPos(end, "x", true) - x);
      ctx.fillStyle = wash[tone];
      ctx.fillRect(x, top, wide, height);
      ctx.fillStyle = tones[tone];
      ctx.fillRect(x, top, wide, 3);
    }
    for (const { t_s: t, own } of this.#data.game ?? []) {
      const high = (own ? 14 : 6) * devicePixelRatio;
      ctx.fillStyle = own ? tones.good : tones.soft;
      ctx.fillRect(plot.valToPos(t, "x", true), top + height - high, 2 * devicePixelRatio, high);
    }
    ctx.restore();
  }
}

/** What the streamer did in the game, of `game` of GET signals: times that seek, and words. Null where there is nothing. */
export function played(game, onSeek) {
  const own = (game ?? []).filter((each) => each.own).slice(-MOST_PLAYED);
  if (!own.length) return null;
  return h(
    "p",
    { class: "pad small played" },
    h("span", { class: "soft" }, "In the game: "),
    own.map(({ t_s: t, text }, at) => [at > 0 && ", ", h("button", { type: "button", class: "num", on: { click: () => onSeek(t) } }, clock(t)), ` ${text}`]),
  );
}

/** What the lines and stretches mean. */
export const legend = (...entries) =>
  h("p", { class: "strip-legend" }, [["accent", "Likelihood of a moment"], ["soft", "The bar"], ["edge", "Loudness"], ...entries].map(([tone, text]) => h("span", {}, h("i", { vars: { color: `var(--${tone})` } }), text)));
