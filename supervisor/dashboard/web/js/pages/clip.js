// One clip: look, judge, trim, render, publish.
import { get, post } from "../api.js";
import { marks, judge, rename, titleOf } from "../clipview.js";
import { aboutCard, filesCard, renderCard, revisionsCard, verdict, why } from "../clip-side.js";
import { Trim, transcript, trimRow } from "../clip-trim.js";
import { fill, h, ownUrl, put } from "../dom.js";
import { bind } from "../keys.js";
import { Strip, legend, played } from "../strip.js";
import { broken, busy, button, note } from "../ui.js";

const AROUND_S = 30; // handles that are kept beside every clip
const POINTS = 600;

export async function show(room, root, id, signal) {
  const view = { room, root, id, signal, video: h("video", { controls: true, playsInline: true, preload: "metadata" }), format: "", pieces: new AbortController() };
  signal.addEventListener("abort", () => {
    view.pieces.abort();
    view.video.pause();
    view.video.removeAttribute("src");
    view.video.load();
  });
  bind(
    [
      ["j", "Next clip", () => step(view, 1)],
      ["k", "Previous clip", () => step(view, -1)],
      [" ", "Play or pause", () => (view.video.paused ? view.video.play().catch(() => {}) : view.video.pause())],
      ["y", "Approve", () => view.clip && judge(room, view.clip, "approved")],
      ["n", "Reject", () => view.clip && judge(room, view.clip, "rejected")],
      ["ArrowLeft", "Back 2 s", () => (view.video.currentTime -= 2)],
      ["ArrowRight", "Forward 2 s", () => (view.video.currentTime += 2)],
      ["[", "Start of the clip here", () => mark(view, "start")],
      ["]", "End of the clip here", () => mark(view, "end")],
      ["Escape", "Back to the clips", () => (location.hash = "#/clips")],
    ],
    signal,
  );
  room.clips.chosen = id;
  if (!room.clips.loaded) room.clips.load();
  try {
    view.clip = await get(`clips/${id}`, {}, signal);
  } catch (error) {
    if (error.name !== "AbortError") fill(root, error.status === 404 ? gone() : broken(error, "This clip", () => show(room, root, id, signal)));
    return;
  }
  build(view);
  room.clips.addEventListener("clip", ({ detail }) => detail.id === id && changed(view, detail), { signal });
}

const gone = () => [h("header", { class: "page-head" }, h("h1", {}, "This clip is gone")), h("p", { class: "soft" }, "It was deleted, or its time was over: clips that nobody approves are kept for seven days."), h("a", { class: "button", href: "#/clips" }, "All clips")];

function step({ room, id }, by) {
  const { items } = room.clips;
  const at = items.findIndex((clip) => clip.id === id);
  const next = items[at + by];
  if (at < 0 || !next) return void note(by > 0 ? "That was the last one." : "That was the first one.", { ms: 1500 });
  if (by > 0 && at + by > items.length - 5) room.clips.more();
  location.replace(`#/clips/${next.id}`);
}

function mark({ video, trim, clip }, which) {
  if (!trim) return;
  const t = clip.line.start_s + video.currentTime;
  trim.set(which === "start" ? t : trim.start, which === "end" ? t : trim.end);
}

/** Something was said of this clip: a verdict changes its buttons, a revision or a new file everything. */
async function changed(view, row) {
  const same = row.revision === view.clip.revision && row.state === view.clip.state && Object.keys(row.files ?? {}).length === Object.keys(view.clip.files ?? {}).length;
  view.clip = { ...view.clip, ...row };
  if (same) return void sides(view);
  try {
    view.clip = await get(`clips/${view.id}`, {}, view.signal);
    build(view);
  } catch {
    // Shown as it was; the next line brings it again
  }
}

function build(view) {
  const { room, root, clip } = view;
  view.pieces.abort();
  view.pieces = new AbortController();
  view.head = h("header", { class: "page-head" });
  view.side = h("aside", { "aria-label": "About this clip" });
  view.judge = h("div", {});
  view.lower = h("section", { class: "card", "aria-label": "Signals" });
  view.said = h("section", { class: "card", "aria-label": "Words" });
  const title = h("input", { class: "title-edit", value: titleOf(clip), "aria-label": "Title", maxLength: 200, readOnly: !room.mayEdit });
  title.addEventListener("change", () => title.value.trim() && rename(room, view.clip, title.value.trim()));
  title.addEventListener("keydown", (event) => ["Enter", "Escape"].includes(event.key) && title.blur());
  fill(root, view.head, h("div", { class: "review" }, h("div", {}, h("h1", { class: "unseen" }, titleOf(clip)), title, screen(view), view.judge, view.lower, view.said), view.side));
  sides(view);
  evidence(view);
}

function sides(view) {
  const { room, clip } = view;
  const reload = async () => {
    view.clip = await get(`clips/${view.id}`, {}, view.signal);
    sides(view);
  };
  fill(
    view.head,
    h("a", { class: "button quiet", href: "#/clips" }, "All clips"),
    h("span", { class: "row wrap" }, marks(clip)),
    h("span", { class: "grow" }),
    button("Previous", () => step(view, -1), { key: "k" }),
    button("Next", () => step(view, 1), { key: "j" }),
  );
  fill(view.judge, verdict(room, clip));
  fill(view.side, why(clip, view.moment), filesCard(room, clip), renderCard(room, clip, reload), revisionsCard(clip), aboutCard(room, clip));
}

function screen(view) {
  const { clip, video } = view;
  const films = Object.keys(clip.files ?? {}).filter((name) => ownUrl(clip.files[name]) && !["thumbnail", "srt", "vtt", "ass", "otio", "fcpxml", "edl", "clip"].includes(name));
  if (!films.length) {
    const text = clip.state === "withdrawn" ? "Withdrawn: nothing is shown of it any more." : "This server gives no link to the film of this clip.";
    return h("div", { class: "stage-box" }, h("div", { class: "stage" }, h("p", {}, text)));
  }
  if (!films.includes(view.format)) view.format = films.includes("master") ? "master" : films[0];
  const stage = h("div", { class: "stage" }, video);
  const choose = (name) => {
    const at = video.currentTime;
    view.format = name;
    video.src = ownUrl(clip.files[name]);
    if (at) video.currentTime = at;
    for (const each of tabs.children) each.setAttribute("aria-pressed", String(each.dataset.name === name));
  };
  video.poster = ownUrl(clip.files.thumbnail) ?? "";
  const tabs = h("div", { class: "tabs-row", role: "group", "aria-label": "Format" });
  fill(tabs, films.map((name) => h("button", { type: "button", data: { name }, "aria-pressed": "false", on: { click: () => choose(name) } }, name)));
  choose(view.format);
  video.addEventListener("error", () => video.getAttribute("src") && fill(stage, h("p", {}, "This file cannot be played: its link has expired, or its time was over. Load the page again for a new link.")), { signal: view.pieces.signal });
  return h("div", { class: "stage-box" }, stage, films.length > 1 && h("div", { class: "transport" }, tabs));
}

/** Signals, words and the moment of this stretch; each is shown as it comes, none is needed for the rest. */
async function evidence(view) {
  const { clip, signal } = view;
  const [from, to] = [Math.max(0, clip.line.start_s - AROUND_S), clip.line.end_s + AROUND_S];
  const session = `sessions/${clip.session}`;
  const [signals, said, moments] = await Promise.allSettled([
    get(`${session}/signals`, { from_s: from, to_s: to, points: POINTS }, signal),
    get(`${session}/transcript`, { from_s: from, to_s: to }, signal),
    get(`${session}/moments`, { limit: 200 }, signal),
  ]);
  if (signal.aborted || clip.revision !== view.clip.revision) return;
  view.moment = momentOf(clip, moments.value?.items ?? []);
  sides(view);
  strip(view, signals.value ?? { start_s: from, step_s: to - from, series: {}, p: [null, null], bar: [null, null] }, [from, to], signals.reason);
  text(view, said.value?.words ?? [], said.reason);
  const follow = () => {
    const t = clip.line.start_s + view.video.currentTime;
    view.strip.at(t);
    view.words?.at(t);
    if (view.trim.isChanged && !view.video.paused && t > view.trim.end) view.video.pause();
  };
  view.video.addEventListener("timeupdate", follow, { signal: view.pieces.signal });
}

function momentOf(clip, moments) {
  if (clip.line.moment) return moments.find((each) => each.id === clip.line.moment) ?? null;
  const inside = moments.filter((each) => each.state !== "rejected" && each.anchor_s >= clip.line.start_s && each.anchor_s <= clip.line.end_s);
  return inside.sort((a, b) => b.p - a.p)[0] ?? null;
}

function strip(view, data, range, missing) {
  const { room, clip } = view;
  fill(view.lower, h("h2", {}, "Signals and trim"));
  const host = h("div", {});
  view.lower.append(host);
  view.strip = new Strip(host, { high: 150, signal: view.pieces.signal, onSeek: (t) => seek(view, t) });
  view.strip.set(data, [{ start_s: clip.line.start_s, end_s: clip.line.end_s, tone: "good" }], range);
  view.trim = new Trim(view.strip, clip.line, range, () => {
    row.show();
    view.words?.mark(view.trim.start, view.trim.end);
  });
  const row = trimRow(view.trim, { mayEdit: room.mayEdit, mark: (which) => mark(view, which), apply: (from) => apply(view, from) });
  put(view.lower, legend(["good", "This clip"]), played(data.game, (t) => seek(view, t)), row.element);
  if (missing) view.lower.append(h("p", { class: "pad soft small" }, missing.isMissing ? "This server keeps no signals to show; trimming works all the same." : missing.message));
}

function text(view, words, missing) {
  fill(view.said, h("h2", {}, "Words"));
  if (!words.length) return void view.said.append(h("p", { class: "pad soft" }, missing?.isMissing ? "This server shows no transcript." : "Nothing was said here, or nothing was heard."));
  view.words = transcript(words, { seek: (t) => seek(view, t), trim: view.room.mayEdit ? view.trim : null });
  view.words.listen(view.pieces.signal);
  view.words.mark(view.clip.line.start_s, view.clip.line.end_s);
  view.said.append(view.words.element);
}

function seek({ video, clip }, t) {
  const at = t - clip.line.start_s;
  if (at >= 0 && at <= (video.duration || Infinity)) video.currentTime = at;
  else note("Outside of this clip: pull a handle there and apply the trim.", { ms: 2000 });
}

async function apply(view, from) {
  const body = { start_s: Math.round(view.trim.start * 1000) / 1000, end_s: Math.round(view.trim.end * 1000) / 1000 };
  const done = await busy(from, () => post(`clips/${view.id}/trim`, body));
  if (done !== undefined) note("Being cut again under the same id. The new revision appears here.", { tone: "good" });
}
