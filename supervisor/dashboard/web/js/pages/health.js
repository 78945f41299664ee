// Whether all is well, and where not: connection, lease, workers, disk, what was shed or lost, models, use.
import { all, get } from "../api.js";
import { every, fill, h } from "../dom.js";
import { ago, clock, plural, size, span, words } from "../format.js";
import { condition, isLive } from "../streamview.js";
import { badge, broken, state } from "../ui.js";

const LOOK_MS = 5000;
const USAGE_MS = 60_000;
const LOW_DISK = 5e9; // bytes

export async function show(room, root, _id, signal) {
  const view = { room, signal, top: h("dl", { class: "facts" }), workers: h("div", {}), losses: h("div", {}), llm: h("div", {}), usage: h("div", {}) };
  fill(
    root,
    h("header", { class: "page-head" }, h("h1", {}, "Health")),
    view.top,
    h("section", { class: "card" }, h("h2", {}, "Workers"), view.workers),
    h("div", { class: "halves" }, h("section", { class: "card" }, h("h2", {}, "Footage lost and analysis shed"), view.losses), h("section", { class: "card" }, h("h2", {}, "Language models"), view.llm)),
    h("section", { class: "card" }, h("h2", {}, "Use by day, UTC"), view.usage),
  );
  const draw = () => {
    facts(view);
    workers(view);
  };
  room.streams.addEventListener("change", ({ detail }) => detail === "" && draw(), { signal });
  room.live.addEventListener("state", draw, { signal });
  draw();
  every(LOOK_MS, () => Promise.all([lease(view), losses(view), models(view)]), signal);
  every(USAGE_MS, () => usage(view), signal);
}

function facts(view) {
  const { room, lease: found } = view;
  const list = room.streams.list;
  const broken_ = list.filter((entry) => condition(entry)[1] === "bad").length;
  const disk = Math.min(...list.map((entry) => entry.health?.health?.disk_free_bytes).filter((each) => each > 0));
  const lag = Math.max(...list.filter(isLive).map((entry) => entry.health?.health?.lag_s).filter(Number.isFinite));
  const rows = [
    ["Events", room.live.state === "live" ? state("live", "good") : state(room.live.state, "warn")],
    ["Lease", found ?? "–"],
    ["Streams live", `${list.filter(isLive).length} of ${list.length}`],
    ["Need attention", broken_ ? state(plural(broken_, "stream"), "bad") : state("none", "good")],
    ["Largest lag", Number.isFinite(lag) ? span(lag) : "–"],
    ["Disk free", Number.isFinite(disk) ? h("span", { class: disk < LOW_DISK ? "bad" : "" }, size(disk)) : "–"],
  ];
  fill(view.top, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

async function lease(view) {
  try {
    const { lease: which } = await get("/readyz", {}, view.signal);
    view.lease = which === "held" ? state("held here", "good") : state("held elsewhere", "good");
  } catch (error) {
    if (error.name === "AbortError") return;
    view.lease = state(error.status === 503 ? words(error.code) : "not known", "bad");
  }
  facts(view);
}

function workers({ room, workers: host }) {
  const list = room.streams.list.filter((entry) => entry.stream.session || entry.stream.wanted === "running");
  if (!list.length) return void fill(host, h("p", { class: "pad soft" }, "No worker runs: no stream is watched."));
  const rows = list.map((entry) => {
    const [word, tone, why] = condition(entry);
    const { health } = entry;
    const beat = health?.health ?? {};
    return h(
      "tr",
      {},
      h("td", {}, h("a", { href: `#/streams/${entry.stream.id}` }, entry.stream.name)),
      h("td", {}, state(word, tone), why && h("div", { class: "soft small" }, why)),
      h("td", { class: "num" }, span(beat.lag_s)),
      h("td", { class: "num wide-only" }, clock(beat.media_s)),
      h("td", { class: "num wide-only" }, size(beat.rss_bytes)),
      h("td", { class: "num wide-only" }, size(beat.ring_bytes)),
      h("td", { class: "num wide-only" }, String(beat.undelivered ?? "–")),
      h("td", { class: "num wide-only" }, String(health?.attempt || "–")),
    );
  });
  const heads = [["Stream", ""], ["State", ""], ["Lag", "num"], ["Recorded", "num wide-only"], ["Memory", "num wide-only"], ["Buffer", "num wide-only"], ["To deliver", "num wide-only"], ["Attempt", "num wide-only"]];
  fill(host, h("div", { class: "scroll-x" }, h("table", {}, h("thead", {}, h("tr", {}, heads.map(([text, look]) => h("th", { class: look, scope: "col" }, text)))), h("tbody", {}, rows))));
}

/** From the figures for Prometheus, by stream. */
async function losses(view) {
  let text;
  try {
    const answer = await fetch("/metrics", { credentials: "same-origin", signal: view.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    text = await answer.text();
  } catch (error) {
    if (error.name !== "AbortError") fill(view.losses, h("p", { class: "pad soft" }, "The figures of /metrics cannot be read from here: a proxy may keep them back, which is right. Look at them in Prometheus."));
    return;
  }
  const rows = [];
  for (const [name, label, by] of [["clipd_gap_seconds_total", "Gap", "reason"], ["clipd_analysis_shed_seconds_total", "Analysis shed", "stage"], ["clipd_restarts_total", "Restarts", "reason"], ["clipd_stale_writes_refused_total", "Stale writes refused", "by"]]) {
    for (const sample of samples(text, name)) {
      if (sample.value > 0) rows.push([label, sample.labels[by] ?? "", sample.labels.stream, name.includes("seconds") ? span(sample.value) : String(sample.value)]);
    }
  }
  if (!rows.length) return void fill(view.losses, h("p", { class: "pad soft" }, "Nothing: no gap, nothing shed, no restart since these processes began."));
  fill(view.losses, h("ul", { class: "list" }, rows.map(([label, why, stream, value]) => h("li", {}, h("span", { class: "strong nowrap" }, label), h("span", { class: "soft grow cut" }, [words(why), stream && view.room.streams.name(stream)].filter(Boolean).join(", ")), h("span", { class: "nowrap" }, value)))));
}

function* samples(text, name) {
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
    const labels = Object.fromEntries([...line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key, value]));
    yield { labels, value: Number(line.slice(line.lastIndexOf(" "))) };
  }
}

async function models(view) {
  let told;
  try {
    told = await get("llm", {}, view.signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    const text = error.isMissing ? "Switched off on this server: clips are ranked by the detectors alone, which costs nothing." : error.message;
    return void fill(view.llm, h("p", { class: "pad soft" }, text));
  }
  if (!told.providers.length) return void fill(view.llm, h("p", { class: "pad soft" }, "None is set up: clips are ranked by the detectors alone. Name one under llm.providers in the settings."));
  const { spent_usd: spent, budget_usd: most, cached_answers: cached, cache_hits: hits } = told;
  const tones = { ready: "good", open: "bad", resting: "warn", probing: "accent" };
  const named = { open: "closed off", resting: "resting", probing: "trying again", ready: "ready" };
  const row = (each) => h("li", {}, h("span", { class: "grow stack tight" }, h("span", { class: "strong" }, each.name), h("span", { class: "soft small cut" }, each.model), each.last_error && h("span", { class: "bad small" }, `${words(each.last_error)}, ${ago(each.last_error_at)}`)), h("span", { class: "soft small nowrap" }, each.last_answer_at ? ago(each.last_answer_at) : "no answer yet"), badge(named[each.state] ?? words(each.state), tones[each.state]));
  fill(
    view.llm,
    h("div", { class: "pad stack tight" }, h("p", {}, `Spent today: $${spent.toFixed(2)} of $${most.toFixed(2)}`), h("div", { class: `meter ${spent > 0.9 * most ? "warn" : ""}`, vars: { "--part": most > 0 ? Math.min(1, spent / most) : 0, "--bar": -1 } }, h("i")), h("p", { class: "soft small" }, `${plural(cached, "answer")} kept, ${plural(hits, "question")} of the last day answered by them.`)),
    h("ul", { class: "list" }, told.providers.map(row)),
  );
}

async function usage(view) {
  let rows;
  try {
    rows = await all("usage", {}, { most: 30, signal: view.signal });
  } catch (error) {
    if (error.name !== "AbortError") fill(view.usage, error.status === 403 ? h("p", { class: "pad soft" }, "Admins see what was used.") : h("div", { class: "pad" }, broken(error, "Use", () => usage(view))));
    return;
  }
  if (!rows.length) return void fill(view.usage, h("p", { class: "pad soft" }, "Nothing was recorded yet."));
  const most = Math.max(1, ...rows.map((each) => each.minutes));
  fill(view.usage, h("div", { class: "pad usage" }, rows.slice(0, 14).map((day) => [
    h("span", { class: "nowrap" }, day.day),
    h("span", { class: "meter", vars: { "--part": day.minutes / most, "--bar": -1 } }, h("i")),
    h("span", { class: "soft" }, `${span(Math.max(0, day.minutes) * 60)}, ${plural(day.clips, "clip")}, ${plural(day.renders, "render")}, ${size(day.stored_bytes)}${cost(day)}`),
  ])));
}

function cost({ llm_usd: usd, accepted, llm_usd_per_accepted_clip: each }) {
  if (!usd) return accepted ? `, ${accepted} approved` : "";
  return `, $${usd.toFixed(2)}${each ? `, $${each.toFixed(3)} for each approved clip` : ""}`;
}
