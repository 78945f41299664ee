// How a stream's condition is said, and what can be done with it from anywhere.
import { post, remove } from "./api.js";
import { ago, clock, span, words } from "./format.js";
import { busy, field, dialog, form, note, select, sure } from "./ui.js";
import { h } from "./dom.js";

const STALE_MS = 12_000; // heartbeats come every 2 s
const STATES = {
  claimed: ["Starting", "accent"],
  starting: ["Starting", "accent"],
  running: ["Live", "good"],
  degraded: ["Degraded", "warn"],
  draining: ["Finishing", "warn"],
  done: ["Ended", ""],
  failed: ["Failed", "bad"],
  lost: ["Worker lost", "bad"],
  quarantined: ["Given up", "bad"],
};

/** [word, tone, reason in words] of a stream's entry in the store. */
export function condition({ stream, health, seen }) {
  if (stream.wanted === "paused") return ["Paused", "", stream.reason ? words(stream.reason) : "by you; resume when you like"];
  if (!stream.state) return ["Waiting", "accent", stream.reason ? words(stream.reason) : "for a worker"];
  const [word, tone] = STATES[stream.state] ?? [words(stream.state), ""];
  const why = words(stream.reason || health?.health?.reason || health?.reason || "");
  if (stream.state !== "running") return [word, tone, why];
  if (health?.health?.state === "gap") return ["Gap", "warn", why || "the source sends nothing"];
  if (health?.health?.state === "starting") return ["Starting", "accent", why];
  if (seen && Date.now() - seen > STALE_MS) return ["Silent", "bad", `no heartbeat for ${span((Date.now() - seen) / 1000)}`];
  return [word, tone, why];
}

export const isLive = ({ stream }) => stream.wanted === "running" && ["running", "degraded"].includes(stream.state);

/** "lag 1.2 s · 2 h 13 min · gaming" */
export function figures({ stream, health }) {
  const beat = health?.health ?? {};
  const parts = [];
  if (isLive({ stream }) && Number.isFinite(beat.lag_s)) parts.push(`lag ${span(beat.lag_s)}`);
  if (beat.media_s > 0) parts.push(clock(beat.media_s));
  if (stream.options?.profile) parts.push(stream.options.profile);
  return parts.join(" · ");
}

/** Cuts the seconds that have just been. */
export async function clipNow(id, seconds = 30, from = null) {
  const done = await busy(from, () => post(`streams/${id}/clip-now`, { last_s: seconds }));
  if (done) note(`Cutting the last ${seconds} s. The clip appears as soon as its file is complete.`, { tone: "good" });
}

export async function setWanted(room, id, wanted, from = null) {
  const row = await busy(from, () => post(`streams/${id}/${wanted === "paused" ? "pause" : "resume"}`));
  if (row) room.streams.set(row);
}

/** Gives whether it is gone. */
export async function removeStream(room, { id, name }) {
  const yes = await sure(`Remove ${name}?`, "Its worker finishes what is open and ends. Sessions and clips stay as long as they are kept.", "Remove");
  if (!yes) return false;
  try {
    await remove(`streams/${id}`);
  } catch (error) {
    note(error.message, { tone: "bad" });
    return false;
  }
  room.streams.delete(id);
  return true;
}

/** Cuts a near-miss although it was below the bar. */
export async function cutAnyway(session, moment, from) {
  const done = await busy(from, () => post(`sessions/${session}/near-misses/${moment}/cut`));
  if (done !== undefined) note("Cut anyway. The answer is kept: the ranker's report learns from it.", { tone: "good" });
  return done;
}

/** How long a near-miss can still be cut, in words. */
export function footageLeft({ has_footage: has, footage_until: until }) {
  if (!has) return "its footage is gone";
  const seconds = (new Date(until) - Date.now()) / 1000;
  return until && seconds < 48 * 3600 ? `${span(Math.max(0, seconds))} left` : "still buffered";
}

/** The dialog that adds a stream. */
export function addStream(room) {
  dialog("Watch a stream", (body, close) => {
    const rights = [["watch-only", "Watch only: never published"], ["own", "Own: it is ours"], ["licensed", "Licensed: we may publish"]];
    body.append(
      form(
        [
          field("Source", h("input", { name: "source", required: true, placeholder: "https://www.twitch.tv/name", autocomplete: "off", spellcheck: false }), "A channel's page, an HLS or DASH address, or door: to push to us by RTMP or SRT."),
          field("Name", h("input", { name: "name", placeholder: "made of the source", autocomplete: "off" })),
          h("div", { class: "halves" }, field("Profile", named(select([["default", "As the settings say"], "gaming", "podcast", "sports", "irl"], "default"), "profile")), field("Rights", named(select(rights, "watch-only"), "rights"))),
        ],
        "Watch",
        async ({ source, name, profile, rights: may }) => {
          const body_ = { source: source.trim(), rights: may };
          if (name.trim()) body_.name = name.trim();
          if (profile !== "default") body_.profile = profile;
          const row = await post("streams", body_);
          room.streams.set(row);
          close();
          if (row.key) {
            const { secretOnce } = await import("./ui.js");
            secretOnce("Stream key", row.key, "Give it to the program that sends. It is shown this once.");
          } else note(`Watching ${row.name}.`, { tone: "good" });
        },
      ),
    );
  });
}

const named = (control, name) => Object.assign(control, { name });

/** A line of the feed: [time, kind, text]. */
export function feedLine({ kind, line, at }) {
  const t = Number.isFinite(line.anchor_s) ? line.anchor_s : Number.isFinite(line.start_s) ? line.start_s : line.t_s;
  const time = Number.isFinite(t) ? clock(t) : ago(at);
  if (kind === "event") return [time, words(line.kind), String(line.why ?? "")];
  if (kind === "moment") return [time, `moment ${words(line.state)}`, `${Math.round(line.p * 100)} of ${Math.round(line.bar * 100)}${line.reason ? `, ${words(line.reason)}` : ""}`];
  if (kind === "gap") return [time, "gap", `${span(line.end_s - line.start_s)}, ${words(line.reason)}`];
  if (kind === "state") return [time, words(line.state), words(line.reason)];
  return [time, words(line.code ?? kind), `${line.message ?? ""} ${line.remedy ?? ""}`.trim()];
}
