// Who is here and who waits; how far everybody's upload is; what a host can do about it.
import { fill, h, say } from "../js/dom.js";
import { size } from "../js/format.js";
import { badge, button, sure } from "../js/ui.js";
import { keyed } from "./keyed.js";
import { uploadBar } from "./parts.js";

const STATES = { joined: ["good", "here"], stalled: ["warn", "reconnecting"], lobby: ["accent", "waiting"] };

/** {element, show}: the list of `studio`. */
export function people(studio) {
  const waiting = h("ul", { class: "people", "aria-label": "Waiting to be let in" });
  const here = h("ul", { class: "people", "aria-label": "In the room" });
  const doors = h("section", { class: "stack tight doors" }, h("h2", {}, "Waiting to be let in"), waiting);
  const element = h("div", { class: "stack people-list" }, doors, h("section", { class: "stack tight" }, h("h2", {}, "In the room"), here));
  const show = () => {
    const { peers, isHost } = studio;
    const lobby = isHost ? peers.filter(({ state }) => state === "lobby") : [];
    doors.hidden = !lobby.length;
    keyed(waiting, lobby, ({ pid }) => pid, (person) => guest(studio, person));
    const own = { ...studio.me, state: "joined", isOwn: true, upload: studio.upload, muted: studio.isMuted ? ["mic"] : [] };
    keyed(here, [own, ...peers.filter(({ state }) => state !== "lobby")], ({ pid }) => pid, (person) => member(studio, person));
  };
  return { element, show };
}

function guest(studio, { pid }) {
  const name = h("span", { class: "grow cut strong" });
  const element = h("li", {}, h("div", { class: "row" }, name, button("Deny", () => studio.deny(pid)), button("Let in", () => studio.admit(pid), { class: "primary" })));
  return { element, show: (person) => say(name, person.name) };
}

function member(studio, { pid, isOwn = false }) {
  const name = h("span", { class: "cut strong" });
  const marks = h("span", { class: "row" });
  const upload = uploadBar();
  const told = h("span", { class: "small soft" });
  const rate = h("span", { class: "small soft nowrap" });
  const acts = h("div", { class: "row wrap member-acts" });
  const mute = button("Mute", () => studio.mutePeer(pid));
  const hold = button("Pause upload", () => studio.holdUpload(pid, hold.dataset.held !== "yes") || turn());
  const kick = button("Remove", async () => {
    if (await sure(`Remove ${name.textContent}?`, "They leave the room and cannot come back with this invite. What was recorded of them is still uploaded.", "Remove")) studio.kick(pid);
  }, { class: "danger" });
  const turn = () => {
    const isHeld = hold.dataset.held === "yes";
    hold.dataset.held = isHeld ? "no" : "yes";
    say(hold, isHeld ? "Pause upload" : "Resume upload");
  };
  if (studio.isHost && !isOwn) acts.append(mute, hold, kick);
  const element = h("li", {}, h("div", { class: "row" }, name, marks, h("span", { class: "grow" }), rate), h("div", { class: "upload-line" }, upload.element, told), acts);
  let shown = "";
  const show = (person) => {
    say(name, person.isOwn ? `${person.name} (you)` : person.name);
    const signs = signsOf(person);
    if (JSON.stringify(signs) !== shown) fill(marks, signs.map(([text, tone]) => badge(text, tone)));
    shown = JSON.stringify(signs);
    const of = person.upload ?? {};
    const made = of.made ?? 0;
    upload.show({ made, sent: of.sent ?? 0, verified: of.verified ?? 0 }, `Upload of ${person.name}`);
    upload.element.hidden = !made;
    say(told, made ? toldOf(of, Boolean(studio.take)) : person.state === "joined" ? "nothing recorded yet" : "");
    say(rate, person.net?.rtt_ms ? `${Math.round(person.net.rtt_ms)} ms${person.net.loss > 0.01 ? `, ${Math.round(person.net.loss * 100)} % lost` : ""}` : "");
    mute.disabled = Boolean(person.muted?.includes("mic"));
    hold.hidden = !made;
    kick.hidden = person.role === "host";
  };
  return { element, show };
}

function signsOf({ role, state, muted = [], tracks = {} }) {
  const failed = Object.entries(tracks).filter(([, { rec }]) => rec === "failed").map(([track]) => track);
  return [
    role !== "guest" && [role, "accent"],
    state !== "joined" && [STATES[state]?.[1] ?? state, STATES[state]?.[0] ?? ""],
    muted.includes("mic") && ["muted", ""],
    failed.length > 0 && ["local recording failed", "bad"],
  ].filter(Boolean);
}

function toldOf({ made, sent, verified }, isRecording) {
  if (verified >= made) return `${size(made)}, all checked`;
  if (isRecording && sent >= made) return `${size(made)} sent`;
  if (sent >= made) return `${size(made)} sent, being checked`;
  return `${size(sent)} of ${size(made)} sent`;
}
