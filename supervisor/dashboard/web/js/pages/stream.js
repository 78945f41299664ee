// One stream: what it shows, what is heard and found in it, what was nearly cut.
import { get, post } from "../api.js";
import { titleOf, length } from "../clipview.js";
import { every, fill, h, say } from "../dom.js";
import { openDvr } from "../dvr.js";
import { ago, clock, score, size, span, words } from "../format.js";
import { bind } from "../keys.js";
import { Strip, legend, played } from "../strip.js";
import { clipNow, condition, cutAnyway, feedLine, footageLeft, isLive, removeStream, setWanted } from "../streamview.js";
import { badge, broken, busy, button, note, select } from "../ui.js";

const STRIP_S = 900;
const STRIP_MS = 4000;
const NEAR_MS = 10_000;

export async function show(room, root, id, signal) {
  let row;
  try {
    row = await get(`streams/${id}`, {}, signal);
  } catch (error) {
    if (error.name !== "AbortError") fill(root, error.status === 404 ? gone() : broken(error, "This stream", () => show(room, root, id, signal)));
    return;
  }
  if (!room.streams.byId.has(id)) room.streams.set(row);
  const view = { room, id, signal, root, marks: { start: null, end: null }, spans: [] };
  view.entry = () => room.streams.byId.get(id);
  build(view);
  const draw = () => view.entry() && renew(view);
  room.streams.addEventListener("change", draw, { signal });
  draw();
  player(view);
  every(STRIP_MS, () => signals(view), signal);
  every(NEAR_MS, () => nearMisses(view), signal);
  every(60_000, () => recentClips(view), signal);
  room.clips.addEventListener("clip", ({ detail }) => detail.stream === id && recentClips(view), { signal });
  bind(
    [
      ["c", "Clip the last seconds", () => room.mayEdit && clipNow(id, Number(view.seconds.value))],
      [" ", "Play or pause", () => (view.video.paused ? view.video.play().catch(() => {}) : view.video.pause())],
      ["ArrowLeft", "Back 5 s", () => (view.video.currentTime -= 5)],
      ["ArrowRight", "Forward 5 s", () => (view.video.currentTime += 5)],
      ["l", "To the live edge", () => view.dvr?.toLive()],
      ["[", "Start of a cut here", () => mark(view, "start")],
      ["]", "End of a cut here", () => mark(view, "end")],
      ["Escape", "Back to the streams", () => (location.hash = "#/streams")],
    ],
    signal,
  );
}

const gone = () => [h("header", { class: "page-head" }, h("h1", {}, "This stream is gone")), h("p", { class: "soft" }, "It is watched no longer. Its clips are still there."), h("a", { class: "button", href: "#/streams" }, "All streams")];

function build(view) {
  const { room, id } = view;
  view.title = h("h1", { class: "cut" });
  view.state = h("span", { class: "state" });
  view.why = h("p", { class: "soft" });
  view.facts = h("dl", { class: "facts" });
  view.video = h("video", { controls: true, playsInline: true, muted: true });
  view.screen = h("div", { class: "screen" }, h("p", {}, "Waiting for footage"));
  view.time = h("output", { class: "strong" }, "–");
  view.stripHost = h("div", {});
  view.said = h("div", { class: "words", role: "log", "aria-label": "Words as they are spoken", tabIndex: 0 });
  view.near = h("div", {});
  view.feed = h("ol", { class: "list feed", tabIndex: 0, "aria-label": "What was found" });
  view.clips = h("div", {});
  view.pause = button("Pause", (from) => setWanted(room, id, view.entry().stream.wanted === "paused" ? "running" : "paused", from));
  view.seconds = select([["15", "15 s"], ["30", "30 s"], ["60", "60 s"], ["120", "2 min"]], "30", null, "How much");
  view.clip = button("Clip last", (from) => clipNow(id, Number(view.seconds.value), from), { icon: "scissors", key: "c", class: "primary" });
  const drop = button("Remove", async () => (await removeStream(room, view.entry().stream)) && (location.hash = "#/streams"), { icon: "trash", class: "danger" });
  fill(
    view.root,
    h("header", { class: "page-head" }, h("a", { class: "button quiet", href: "#/streams" }, "Streams"), view.title, view.state, room.mayEdit && [view.clip, view.seconds, view.pause, drop]),
    view.why,
    h(
      "div",
      { class: "watch" },
      h("div", { class: "stack" }, h("section", { class: "card", "aria-label": "Footage" }, view.screen, transport(view)), stripCard(view), h("section", { class: "card" }, h("h2", {}, "Words as they are spoken"), view.said)),
      h(
        "div",
        { class: "side" },
        view.facts,
        h("section", { class: "card" }, h("h2", {}, "Near-misses"), view.near),
        h("section", { class: "card" }, h("h2", {}, "What was found"), view.feed),
        h("section", { class: "card" }, h("h2", {}, "Newest clips"), view.clips),
      ),
    ),
  );
}

function transport(view) {
  view.cut = button("Cut", (from) => cutMarks(view, from), { icon: "scissors", class: "primary", disabled: true });
  view.span = h("span", { class: "soft small" });
  return h(
    "div",
    { class: "transport" },
    view.time,
    button("Live", () => view.dvr?.toLive(), { key: "l" }),
    view.room.mayEdit && [button("Start here", () => mark(view, "start"), { key: "[" }), button("End here", () => mark(view, "end"), { key: "]" }), view.cut],
    view.span,
  );
}

function stripCard(view) {
  view.strip = new Strip(view.stripHost, { high: 150, signal: view.signal, onSeek: (t) => view.dvr?.seek(t) });
  view.stripGame = h("div", {});
  view.stripNote = h("p", { class: "pad soft small" }, "Signals appear once something is recorded.");
  return h("section", { class: "card", "aria-label": "Signals" }, h("h2", {}, "Signals of the last 15 minutes"), view.stripHost, legend(["good", "Clip"], ["warn", "Near-miss"]), view.stripGame, view.stripNote);
}

function renew(view) {
  const entry = view.entry();
  const { stream, health } = entry;
  const [word, tone, why] = condition(entry);
  const beat = health?.health ?? {};
  say(view.title, stream.name);
  document.title = `${stream.name} · clipd`;
  view.state.className = `state ${tone}`;
  fill(view.state, h("i", { "aria-hidden": "true" }), word);
  say(view.why, [why, stream.source].filter(Boolean).join(" · "));
  say(view.pause, stream.wanted === "paused" ? "Resume" : "Pause");
  view.clip.disabled = !isLive(entry);
  const rows = [["Media lag", span(beat.lag_s)], ["Recorded", clock(beat.media_s)], ["Buffer", size(beat.ring_bytes)], ["Memory", size(beat.rss_bytes)], ["To deliver", beat.undelivered ?? "–"], ["Profile", stream.options?.profile ?? "default"]];
  fill(view.facts, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value)))));
  spoken(view, health?.live?.words);
  const newest = entry.lines[0];
  if (view.newest === newest && newest) return;
  view.newest = newest;
  fill(view.feed, entry.lines.length ? entry.lines.map((each) => {
    const [time, kind, text] = feedLine(each);
    return h("li", {}, h("time", {}, time), h("span", { class: "strong nowrap" }, kind), h("span", { class: "soft grow" }, text));
  }) : h("li", { class: "soft" }, "Nothing since this page was opened."));
}

function spoken({ said }, text) {
  if (!text) {
    if (!said.childElementCount) fill(said, h("p", { class: "soft" }, "No words yet."));
    return;
  }
  const last = said.lastElementChild;
  if (last?.textContent === text) return;
  const follows = said.scrollTop + said.clientHeight > said.scrollHeight - 30;
  if (last && (text.startsWith(last.textContent.slice(0, 24)) || last.classList.contains("soft"))) last.remove();
  said.append(h("p", {}, text));
  while (said.children.length > 60) said.firstChild.remove();
  if (follows) said.scrollTop = said.scrollHeight;
}

async function player(view) {
  const { session } = view.entry().stream;
  if (!session) return void fill(view.screen, h("p", {}, "Nothing has been recorded yet. The picture appears here with the first segment."));
  fill(view.screen, view.video);
  const failed = (text) => fill(view.screen, h("p", {}, text));
  const newest = () => view.entry()?.health?.health?.media_s;
  view.dvr = await openDvr(view.video, `/api/v1/sessions/${encodeURIComponent(session)}/playlist.m3u8`, { edge_s: newest, failed });
  view.signal.addEventListener("abort", () => view.dvr?.destroy());
  view.video.addEventListener("timeupdate", () => {
    const behind = view.dvr.behind();
    say(view.time, `${clock(view.dvr.now())}${behind > 15 ? `, ${span(behind)} behind` : ""}`);
    view.strip.at(view.dvr.now());
  }, { signal: view.signal });
  if (isLive(view.entry())) view.video.play().catch(() => {});
}

function game(view, seen = []) {
  const key = JSON.stringify(seen);
  if (view.seen === key) return; // what has the focus stays
  view.seen = key;
  fill(view.stripGame, played(seen, (t) => view.dvr?.seek(t)));
}

async function signals(view) {
  const entry = view.entry();
  const { session } = entry?.stream ?? {};
  if (!session) return;
  const end = entry.health?.health?.media_s ?? STRIP_S;
  const from = Math.max(0, end - STRIP_S);
  try {
    const data = await get(`sessions/${session}/signals`, { from_s: from, to_s: end, points: 900 }, view.signal);
    view.strip.set(data, view.spans, [from, Math.max(end, from + 60)]);
    view.stripNote.hidden = true;
    game(view, data.game);
  } catch (error) {
    if (error.name !== "AbortError") say(view.stripNote, error.isMissing ? "This server shows no signals of a session." : error.message);
  }
}

async function nearMisses(view) {
  const { session } = view.entry()?.stream ?? {};
  if (!session) return void fill(view.near, h("p", { class: "pad soft" }, "None: nothing has been recorded."));
  let items;
  try {
    ({ items } = await get(`sessions/${session}/near-misses`, { limit: 20 }, view.signal));
  } catch (error) {
    if (error.name !== "AbortError") fill(view.near, h("p", { class: "pad soft" }, error.isMissing ? "This server shows no near-misses." : error.message));
    return;
  }
  view.misses = items.map((each) => ({ start_s: each.start_s, end_s: each.end_s, tone: "warn" }));
  spans(view);
  if (!items.length) return void fill(view.near, h("p", { class: "pad soft" }, "None so far: nothing came close to the bar and stayed below it."));
  fill(view.near, h("ul", { class: "list" }, items.slice(0, 8).map((each) => miss(view, session, each))));
}

function miss(view, session, each) {
  const cut = view.room.mayEdit && button("Cut anyway", (from) => cutAnyway(session, each.id, from), { disabled: !each.has_footage });
  const meter = h("span", { class: "meter", vars: { "--part": each.p, "--bar": each.bar }, role: "img", "aria-label": `score ${score(each.p)}, bar ${score(each.bar)}` }, h("i"), h("b"));
  return h("li", {}, h("div", { class: "grow stack tight" }, h("button", { class: "quiet", type: "button", on: { click: () => view.dvr?.seek(each.start_s) } }, clock(each.anchor_s)), meter, h("span", { class: "soft small" }, `${score(each.p)} of ${score(each.bar)}, ${words(each.reason)}; ${footageLeft(each)}`)), cut);
}

async function recentClips(view) {
  let items;
  try {
    ({ items } = await get("clips", { stream: view.id, limit: 12 }, view.signal));
  } catch (error) {
    if (error.name !== "AbortError") fill(view.clips, h("p", { class: "pad soft" }, error.message));
    return;
  }
  const { session } = view.entry()?.stream ?? {};
  view.cuts = items.filter((clip) => clip.session === session && clip.state !== "withdrawn").map((clip) => ({ start_s: clip.line.start_s, end_s: clip.line.end_s, tone: "good" }));
  spans(view);
  if (!items.length) return void fill(view.clips, h("p", { class: "pad soft" }, "None yet."));
  fill(view.clips, h("ul", { class: "list" }, items.slice(0, 6).map((clip) => h("li", {}, h("a", { class: "grow cut", href: `#/clips/${clip.id}` }, titleOf(clip)), clip.state !== "final" && badge(clip.state, "warn"), h("span", { class: "soft small nowrap" }, `${clock(length(clip))} · ${ago(clip.created)}`)))));
}

function spans(view) {
  view.spans = [...(view.misses ?? []), ...(view.cuts ?? [])];
}

function mark(view, which) {
  if (!view.dvr) return;
  view.marks[which] = view.dvr.now();
  const { start, end } = view.marks;
  const whole = start !== null && end !== null && end > start;
  view.cut.disabled = !whole;
  say(view.span, whole ? `${clock(start, true)} to ${clock(end, true)}, ${span(end - start)}` : start !== null ? `from ${clock(start, true)}` : `to ${clock(end, true)}`);
}

async function cutMarks(view, from) {
  const { start, end } = view.marks;
  const { session } = view.entry().stream;
  const done = await busy(from, () => post(`sessions/${session}/cut`, { start_s: Math.round(start * 1000) / 1000, end_s: Math.round(end * 1000) / 1000 }));
  if (done === undefined) return;
  note("Being cut. The clip appears as soon as its file is complete.", { tone: "good" });
  view.marks = { start: null, end: null };
  view.cut.disabled = true;
  say(view.span, "");
}
