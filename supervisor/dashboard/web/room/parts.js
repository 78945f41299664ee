// What several screens of the room show: the frame, meters, the state of the upload.
import { fill, h, say } from "../js/dom.js";
import { plural, size, span } from "../js/format.js";
import { icon, mark } from "../js/icons.js";
import { button } from "../js/ui.js";
import { keep } from "./keep.js";
import { onMeter } from "./level.js";
import { sums } from "./store.js";

const THEMES = ["auto", "light", "dark"];
const SIGNS = { auto: "auto", light: "sun", dark: "moon" };
const TRACKS = { mic: "Microphone", cam: "Camera", screen: "Screen" };

/** A page with a header and one column in the middle: for all screens but the room itself. */
export function plainPage(title, ...children) {
  return h(
    "div",
    { class: "door" },
    h("header", { class: "door-head" }, h("span", { class: "brand" }, mark(), "clipd"), themeButton()),
    h("main", { class: "door-body", id: "main" }, title && h("h1", { tabIndex: -1 }, title), children),
  );
}

export function themeButton() {
  const read = () => document.documentElement.dataset.theme ?? "auto";
  const made = button("Theme", () => {
    const next = THEMES[(THEMES.indexOf(read()) + 1) % THEMES.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    keep("theme", next);
    show();
  }, { bare: true });
  const show = () => {
    fill(made, icon(SIGNS[read()]), h("span", { class: "unseen" }, `Theme: ${read()}`));
    made.title = `Theme: ${read()}`;
  };
  show();
  return made;
}

/** A level meter with a clip light; `show({peak, rms, clip})`. */
export function levelMeter(look = "") {
  const bar = h("i", {});
  const light = h("b", { class: "clip-light", "aria-hidden": "true" });
  const element = h("div", { class: `level ${look}`, "aria-hidden": "true" }, h("span", {}, bar), light);
  const show = (level) => {
    bar.style.setProperty("--part", String(level ? onMeter(level.peak) : 0));
    bar.className = level?.peak > 0.9 ? "hot" : level?.peak > 0.5 ? "warm" : "";
    light.classList.toggle("on", Boolean(level?.clip));
  };
  show(null);
  return { element, show };
}

/** Sent and verified of what was made, as one bar. */
export function uploadBar() {
  const sent = h("i", {});
  const verified = h("b", {});
  const element = h("div", { class: "upload-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, sent, verified);
  const show = (of, label) => {
    const part = (value) => (of.made ? Math.min(1, value / of.made) : 0);
    sent.style.setProperty("--part", String(part(of.sent)));
    verified.style.setProperty("--part", String(part(of.verified)));
    element.setAttribute("aria-valuenow", String(Math.round(part(of.sent) * 100)));
    element.setAttribute("aria-label", label);
  };
  return { element, show };
}

/** Where a recording is, in a sentence; {title, text, tone}. `progress`: the store's; `segments`: those meant. */
export function uploadTold({ bps, held, trouble }, segments) {
  const of = sums(segments);
  const { made, sent, parts, left, unverified, refused } = of;
  if (!made) return { of, title: "Nothing was recorded here", text: "There is nothing to upload. You can close this page.", tone: "", isSafe: true };
  if (refused) return { of, title: "A part was refused", text: "The server could not read a part of your recording. It is still on this device: save a copy and give it to the host.", tone: "bad", isSafe: false };
  if (!unverified) return { of, title: "Safe to close", text: `All of your recording, ${size(made)}, is with the host's server, and it was checked there.${of.lost ? ` ${size(of.lost)} were lost when this device's storage was full.` : ""}`, tone: "good", isSafe: true };
  if (!left) return { of, title: "All of it is sent", text: "The server is reading it through. Stay a moment longer.", tone: "accent", isSafe: false };
  const rest = `${left.toLocaleString()} of ${plural(parts, "chunk")} left`;
  const title = `Your recording is safe, ${rest}`;
  const waiting = size(made - sent);
  if (held) return { of, title, text: `The host has paused the upload. ${waiting} are waiting on this device.`, tone: "warn", isSafe: false };
  if (trouble === "offline" || !navigator.onLine) return { of, title, text: `No connection: ${waiting} are waiting on this device. The upload goes on by itself.`, tone: "warn", isSafe: false };
  if (trouble === "token") return { of, title, text: "The link has run out. Open your invite link again and join, then the upload goes on.", tone: "warn", isSafe: false };
  if (trouble === "disk_full") return { of, title, text: `The server's disk is full. ${waiting} are waiting on this device; tell the host. The upload goes on by itself.`, tone: "warn", isSafe: false };
  if (trouble) return { of, title, text: `The server said: ${trouble} It is tried again.`, tone: "warn", isSafe: false };
  const time = bps > 0 ? `, about ${span(Math.ceil((made - sent) / bps))}` : "";
  return { of, title, text: `${waiting} to go${time}. Keep this page open: if it is closed, the upload goes on at your next visit.`, tone: "accent", isSafe: false };
}

/** The state of an upload with a row for each track; follows the store until `signal` aborts. `isQuiet`: nothing is
 * shown where nothing was recorded. */
export function uploadCard(store, room, signal, { told = () => {}, isQuiet = false } = {}) {
  const bar = uploadBar();
  const title = h("h2", {});
  const text = h("p", { class: "soft" });
  const rows = h("ul", { class: "upload-rows" });
  const copies = h("div", { class: "row wrap" });
  const counts = h("dl", { class: "facts three" }, ...["Recorded", "Sent", "Checked"].map((name) => h("div", {}, h("dt", {}, name), h("dd", {}))));
  const [made, sent, verified] = counts.querySelectorAll("dd");
  const element = h("section", { class: "card upload-card", "aria-label": "Your recording" }, h("div", { class: "pad stack" }, h("div", { class: "stack tight" }, title, text), bar.element, counts, rows, copies));
  const show = () => {
    const segments = store.progress.segments.filter((each) => each.room === room && each.bytes);
    const said = uploadTold(store.progress, segments);
    say(title, said.title);
    title.className = said.tone;
    say(text, said.text);
    bar.show(said.of, `Upload: ${said.title}`);
    say(made, size(said.of.made));
    say(sent, size(said.of.sent));
    say(verified, size(said.of.verified));
    element.hidden = isQuiet && !said.of.made;
    counts.hidden = bar.element.hidden = !said.of.made;
    fill(rows, segments.map(row));
    const refused = segments.filter(({ state }) => state === "refused");
    copies.hidden = !refused.length;
    if (copies.childElementCount !== refused.length) fill(copies, refused.map((each) => button(`Save ${TRACKS[each.track].toLowerCase()}`, () => saveCopy(store, each), { icon: "down" })));
    told(said, segments);
  };
  store.addEventListener("progress", show, { signal });
  for (const name of ["online", "offline"]) addEventListener(name, show, { signal });
  show();
  return element;
}

function row({ track, bytes, parts, sent_parts: sent, state, closed }) {
  const [tone, text] = state === "verified" ? ["good", "checked"] : state === "refused" ? ["bad", "refused"] : state === "whole" ? ["accent", "being checked"] : [closed ? "accent" : "bad", closed ? `${sent} of ${parts} sent` : "recording"];
  return h("li", {}, h("span", { class: "grow cut" }, TRACKS[track] ?? track), h("span", { class: "soft small nowrap" }, size(bytes)), h("span", { class: `state ${tone}` }, h("i", { "aria-hidden": "true" }), text));
}

async function saveCopy(store, { seg, track, mime }) {
  const url = URL.createObjectURL(await store.copy(seg));
  h("a", { href: url, download: `${track}-${seg.slice(0, 8)}.${mime.includes("matroska") ? "mkv" : mime.includes("mp4") ? "mp4" : "webm"}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
