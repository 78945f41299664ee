// What is said of a clip in lists and on its own page, and the verdicts on it.
import { patch, post } from "./api.js";
import { h } from "./dom.js";
import { clock, words } from "./format.js";
import { badge, note } from "./ui.js";

/** What an order about a clip asks for: "Render square", "Trim to 0:50 to 1:02". */
export function ordered({ kind, formats, layout, captions, start_s: start, end_s: end }) {
  if (kind === "render") return ["Render", formats.join(", "), layout && `layout ${words(layout)}`, captions && `captions ${words(captions)}`].filter(Boolean).join(" ");
  return `${kind === "trim" ? "Trim to" : "Cut"} ${clock(start)} to ${clock(end)}`;
}

/** Badges: its state where that is not the usual one, revisions, the verdict. */
export function marks(clip) {
  return [
    clip.state === "provisional" && badge("provisional", "warn"),
    clip.state === "withdrawn" && badge("withdrawn", "bad"),
    clip.revision > 1 && badge(`revised · r${clip.revision}`, "accent"),
    clip.review === "approved" && badge(clip.revised_after_approval ? "revised since approved" : "approved", clip.revised_after_approval ? "warn" : "good"),
    clip.review === "rejected" && badge("rejected", "bad"),
  ].filter(Boolean);
}

export const length = (clip) => Number(clip.line?.end_s) - Number(clip.line?.start_s);

export const titleOf = (clip) => clip.title || clip.line?.reasons?.[0] || "Untitled clip";

/** Keeps a verdict, shown at once and taken back where the server says no. `review` is approved or rejected. */
export async function judge(room, clip, review) {
  if (!room.mayEdit) return void note("Your role may look, not judge.", { tone: "warn" });
  if (clip.review === review) return clip;
  room.clips.put({ ...clip, review });
  try {
    const row = await post(`clips/${clip.id}/${review === "approved" ? "approve" : "reject"}`);
    room.clips.put({ ...clip, ...row });
    note(review === "approved" ? "Approved: it is kept." : "Rejected.", { tone: review === "approved" ? "good" : "" , ms: 2000 });
    return row;
  } catch (error) {
    room.clips.put(clip);
    note(error.isMissing ? "This server does not take verdicts yet." : error.message, { tone: "bad" });
    return null;
  }
}

export async function rename(room, clip, title) {
  try {
    const row = await patch(`clips/${clip.id}`, { title });
    room.clips.put({ ...clip, ...row });
    note("Title saved.", { ms: 1500 });
  } catch (error) {
    note(error.message, { tone: "bad" });
  }
}

/** Two-way bars of what each family gave, strongest first. */
export function partBars(parts) {
  const rows = Object.entries(parts ?? {}).filter(([, value]) => Number.isFinite(value)).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const most = Math.max(1, ...rows.map(([, value]) => Math.abs(value)));
  return h(
    "div",
    { class: "parts" },
    rows.map(([family, value]) => [
      h("span", {}, words(family)),
      h("span", { class: `two-way ${value < 0 ? "minus" : ""}`, vars: { "--part": Math.abs(value) / most } }, h("i")),
      h("span", { class: "num" }, `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`),
    ]),
  );
}
