// What is watched: a card for each stream, alive.
import { get } from "../api.js";
import { every, fill, h, say } from "../dom.js";
import { clock, plural, words } from "../format.js";
import { bind } from "../keys.js";
import { spark } from "../spark.js";
import { addStream, clipNow, condition, cutAnyway, figures, footageLeft, isLive, setWanted } from "../streamview.js";
import { badge, broken, button, empty, loading, note } from "../ui.js";
import { Grid } from "../virtual.js";

const HIGH = 276; // px; all cards alike
const NEAR_MS = 20_000;
const CURVE_S = 90;

export async function show(room, root, _id, signal) {
  const { streams } = room;
  const count = h("p", { class: "soft small" });
  const add = room.mayEdit && button("Add stream", () => addStream(room), { icon: "plus", class: "primary", key: "a" });
  const host = h("div", { role: "feed", "aria-label": "Streams" });
  const body = h("div", {}, loading(3, "card-line"));
  fill(root, h("header", { class: "page-head" }, h("h1", {}, "Streams"), count, add), body);

  const near = new Map(); // session -> near-misses, newest first
  const cards = { make: (entry) => card(room, entry, near), update: (node, entry) => node.renew(entry) };
  const grid = new Grid(host, { scroller: room.main, least: 340, height: () => HIGH, key: (entry) => entry.stream.id, gap: 12, ...cards });
  const chosen = choosing(grid, signal);
  signal.addEventListener("abort", () => grid.destroy());

  let looking = false;
  const draw = (id) => {
    if (!streams.loaded) return;
    if (streams.error && !streams.byId.size) return void fill(body, broken(streams.error, "Streams", () => streams.load(signal)));
    const list = sorted(streams.list);
    say(count, list.length ? `${plural(list.filter(isLive).length, "live", "live")} of ${list.length}` : "");
    if (!list.length) return void fill(body, nothing(room));
    if (body.firstChild !== host) fill(body, host);
    grid.items = list;
    if (!looking && list.some((entry) => entry.health)) {
      looking = true;
      every(NEAR_MS, () => lookForNearMisses(room, grid, near, signal), signal);
    }
    if (id) grid.refresh(streams.byId.get(id));
    else for (const [entry, node] of grid.shown()) node.renew(entry);
  };
  streams.addEventListener("change", ({ detail }) => draw(detail), { signal });
  draw("");

  bind(
    [
      ["j", "Next stream", () => chosen.move(1)],
      ["k", "Previous stream", () => chosen.move(-1)],
      ["Enter", "Open the stream", () => chosen.id && (location.hash = `#/streams/${chosen.id}`)],
      ["c", "Clip the last 30 s of the chosen stream", () => clipChosen(room, chosen)],
      ["a", "Add a stream", () => room.mayEdit && addStream(room)],
    ],
    signal,
  );
}

/** Those that want looking at first: broken, then live, then the rest; by name. */
function sorted(list) {
  const order = { bad: 0, warn: 1, good: 2, accent: 3, "": 4 };
  return list
    .map((entry) => [order[condition(entry)[1]], entry])
    .sort(([a, one], [b, other]) => a - b || one.stream.name.localeCompare(other.stream.name))
    .map(([, entry]) => entry);
}

function choosing(grid, signal) {
  const chosen = {
    id: null,
    move(step) {
      const at = grid.items.findIndex((entry) => entry.stream.id === chosen.id);
      const next = Math.max(0, Math.min(grid.items.length - 1, at < 0 ? 0 : at + step));
      const node = grid.reveal(next);
      node?.querySelector("h2 a").focus({ preventScroll: true });
    },
  };
  grid.host.addEventListener("focusin", ({ target }) => {
    const node = target.closest(".stream-card");
    chosen.id = node?.dataset.id ?? null;
    for (const [, each] of grid.shown()) each.setAttribute("aria-current", String(each === node));
  }, { signal });
  return chosen;
}

function clipChosen(room, chosen) {
  const live = room.streams.list.filter(isLive);
  const id = chosen.id ?? (live.length === 1 ? live[0].stream.id : null);
  if (!room.mayEdit) note("Your role may look, not cut.", { tone: "warn" });
  else if (id) clipNow(id);
  else note("Choose a stream first: j and k move between them.");
}

/** The last stretch of the curve, for who has just come; from then on it grows by heartbeats. */
async function curveSoFar(room, { stream: { id } }, signal) {
  const entry = room.streams.byId.get(id);
  const end = entry.health?.health?.media_s;
  if (entry.levels.length > 20 || !(end > 0)) return;
  const { start_s: start, step_s: step, series } = await get(`sessions/${entry.stream.session}/signals`, { from_s: Math.max(0, end - CURVE_S), to_s: end, points: CURVE_S }, signal);
  const level = (series.loudness ?? []).map((v, at) => ({ t: start + at * step, v })).filter((each) => Number.isFinite(each.v));
  room.streams.recall(id, level);
}

async function lookForNearMisses(room, grid, near, signal) {
  const seen = [...grid.shown()].filter(([entry]) => entry.stream.session && isLive(entry)).slice(0, 12);
  for (const [entry, node] of seen) {
    const { session } = entry.stream;
    try {
      const { items } = await get(`sessions/${session}/near-misses`, { limit: 5 }, signal);
      near.set(session, items);
      await curveSoFar(room, entry, signal);
    } catch (error) {
      if (error.isMissing || error.name === "AbortError") return; // else there is nothing yet of this one
    }
    node.renew(room.streams.byId.get(entry.stream.id) ?? entry);
  }
}

function card(room, first, near) {
  let entry = first;
  const title = h("a", { href: `#/streams/${first.stream.id}` });
  const status = h("span", { class: "state" });
  const about = h("p", { class: "soft small cut" });
  const curve = spark("Loudness of the last 90 s");
  const said = h("p", { class: "said lines2" });
  const chips = h("div", { class: "chips" });
  const miss = h("div", { class: "near-line" });
  const cut = room.mayEdit && button("Clip last 30 s", (from) => clipNow(entry.stream.id, 30, from), { icon: "scissors" });
  const pause = room.mayEdit && button("Pause", (from) => setWanted(room, entry.stream.id, entry.stream.wanted === "paused" ? "running" : "paused", from));
  const node = h(
    "article",
    { class: "stream-card", data: { id: first.stream.id } },
    h("div", { class: "row apart" }, h("h2", { class: "cut" }, title), status),
    about, curve.element, said, chips, miss,
    h("div", { class: "acts" }, cut, pause),
  );
  node.renew = (now) => {
    entry = now;
    const [word, tone, why] = condition(entry);
    say(title, entry.stream.name);
    status.className = `state ${tone}`;
    fill(status, h("i", { "aria-hidden": "true" }), word);
    say(about, [why, figures(entry)].filter(Boolean).join(" · ") || entry.stream.source);
    about.title = entry.stream.source;
    const events = entry.lines.filter((each) => each.kind === "event");
    curve.draw(entry.levels, events.map((each) => each.line.peak_s));
    const heard = entry.health?.live?.words ?? "";
    say(said, heard ? `“${heard.slice(-160)}”` : quiet(entry));
    said.classList.toggle("none", !heard);
    fill(chips, events.slice(0, 3).map((each) => badge(`${words(each.line.kind)} ${clock(each.line.peak_s)}`, "accent")));
    nearLine(room, entry, near.get(entry.stream.session), miss);
    if (cut) cut.disabled = !isLive(entry);
    if (pause) say(pause, entry.stream.wanted === "paused" ? "Resume" : "Pause");
  };
  node.renew(first);
  return node;
}

/** Why there are no words, and what will be or can be done. */
function quiet({ stream }) {
  if (stream.wanted === "paused") return "Nothing is recorded while it is paused.";
  if (isLive({ stream })) return "No words yet";
  if (stream.state === "quarantined") return "It failed too often to be tried again by itself. See to the source, then pause and resume it.";
  if (["failed", "lost"].includes(stream.state)) return "Nothing is recorded now. It is tried again by itself.";
  if (stream.state === "done") return "It has ended. It is recorded again when it comes back.";
  return "Its worker is on the way.";
}

function nearLine(room, entry, asked, host) {
  const told = [...entry.moments.values()].reverse().find((each) => each.state === "rejected");
  const best = asked?.find((each) => each.has_footage) ?? told;
  const sign = best ? `${best.id} ${best.p} ${left(best)}` : "";
  if (host.dataset.sign === sign) return;
  host.dataset.sign = sign;
  if (!best) return void fill(host, h("span", { class: "soft" }, isLive(entry) ? "No near-misses" : ""));
  const meter = h("span", { class: "meter bar-pair", vars: { "--part": best.p, "--bar": best.bar }, role: "img", "aria-label": `score ${Math.round(best.p * 100)}, bar ${Math.round(best.bar * 100)}` }, h("i"), h("b"));
  const anyway = room.mayEdit && button("Cut anyway", (from) => cutAnyway(best.session ?? entry.stream.session, best.id, from));
  fill(host, meter, h("span", { class: "cut" }, `Near-miss ${clock(best.anchor_s)}, ${words(best.reason)}${left(best)}`), anyway);
}

const left = (miss) => (miss.footage_until ? `; ${footageLeft(miss)}` : "");

function nothing(room) {
  return empty(
    "Nothing is watched yet",
    room.mayEdit
      ? "Add a channel's page or a stream's address. It is recorded from then on, and clips appear by themselves a few seconds after a moment has ended."
      : "Somebody with the role editor can add streams.",
    room.mayEdit ? button("Add stream", () => addStream(room), { icon: "plus", class: "primary" }) : null,
  );
}
