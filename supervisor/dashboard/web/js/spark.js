// A small curve of the last minute and what was found in it. SVG: fifty of them cost nothing.
import { svg } from "./dom.js";

const WIDE = 300;
const HIGH = 50;
const SPAN_S = 90;

/** Makes one; gives {element, draw(points, hits)}. `points` [{t, v}] in media time, `hits` media times of events. */
export function spark(label) {
  const under = svg("path", { class: "under" });
  const level = svg("path", { class: "level" });
  const marks = svg("path", { class: "hit" });
  const element = svg("svg", { class: "spark", viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, under, level, marks);
  return { element, draw: (points, hits) => draw({ under, level, marks }, points, hits) };
}

function draw({ under, level, marks }, points, hits) {
  const end = points.at(-1)?.t;
  if (end === undefined) {
    for (const path of [under, level, marks]) path.removeAttribute("d");
    return;
  }
  const near = points.filter((each) => each.t > end - SPAN_S);
  const values = near.map((each) => each.v);
  const low = Math.min(...values);
  const wide = Math.max(6, Math.max(...values) - low); // dB: silence is no mountain range
  const x = (t) => (WIDE * (1 - (end - t) / SPAN_S)).toFixed(1);
  const y = (v) => (HIGH - 5 - ((v - low) / wide) * (HIGH - 12)).toFixed(1);
  const line = near.map((each, at) => `${at ? "L" : "M"}${x(each.t)} ${y(each.v)}`).join("");
  level.setAttribute("d", line);
  under.setAttribute("d", `${line}L${x(end)} ${HIGH}L${x(near[0].t)} ${HIGH}Z`);
  marks.setAttribute("d", hits.filter((t) => t > end - SPAN_S && t <= end).map((t) => `M${x(t)} 0V6`).join("") || "M0 0");
}
