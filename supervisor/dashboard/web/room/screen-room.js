// The room: the stage, who is here, the state of the recording that cannot be hidden, and the controls.
import { fill, h, put, say } from "../js/dom.js";
import { clock, size, span } from "../js/format.js";
import { icon, mark } from "../js/icons.js";
import { bind, listen, showKeys } from "../js/keys.js";
import { busy, button, dialog, note, select } from "../js/ui.js";
import { controls, keepChoices } from "./choices.js";
import { toldOf } from "./devices.js";
import { themeButton } from "./parts.js";
import { people } from "./people.js";
import { stage } from "./tiles.js";

const CLOCK_MS = 250;
const LAYOUTS = [["grid", "Grid"], ["split", "Side by side"], ["speaker", "Speaker"], ["screen+speaker", "Screen and speaker"]];
const LINES = { good: ["good", "Good", " connection"], connecting: ["accent", "Connecting"], reconnecting: ["warn", "Reconnecting"], offline: ["bad", "Offline"] };
let isListening = false;

/** Shows the room until `signal` aborts. */
export function room(app, { studio, signal }) {
  const pictures = stage(studio);
  const list = people(studio);
  const status = recordingState(studio);
  const head = header(studio);
  const bar = controlBar(studio, () => openList(studio, signal));
  fill(
    app,
    h(
      "div",
      { class: "room" },
      head.element,
      status.element,
      h("main", { class: "room-main", id: "main" }, pictures.element, h("aside", { class: "room-side", "aria-label": "People" }, list.element)),
      bar.element,
    ),
  );
  const parts = [pictures, list, status, head, bar];
  const show = () => { for (const part of parts) part.show(); };
  studio.addEventListener("change", show, { signal });
  studio.addEventListener("level", pictures.level, { signal });
  studio.addEventListener("blocked", ({ detail: voice }) => note("Your browser keeps the sound off until you click.", { act: { label: "Turn sound on", does: () => voice.play() }, ms: 60_000 }), { signal });
  const timer = setInterval(status.show, CLOCK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  keys(studio, signal);
  show();
}

function header(studio) {
  const line = h("p", { class: "state", role: "status" });
  const count = h("span", { class: "soft small nowrap" });
  const element = h("header", { class: "room-head" }, h("span", { class: "brand" }, mark()), h("h1", { class: "cut grow", tabIndex: -1 }, studio.membership.room?.name ?? "Recording room"), count, line, themeButton());
  const show = () => {
    const [tone, text, rest = ""] = LINES[studio.connection];
    line.className = `state ${tone}`;
    if (line.textContent !== text + rest) fill(line, h("i", { "aria-hidden": "true" }), h("span", {}, text, h("span", { class: "rest" }, rest)));
    const here = studio.peers.filter(({ state }) => state !== "lobby").length + 1;
    say(count, `${here} here`);
  };
  return { element, show };
}

/** Red while a take runs, whatever else is shown: how long, what was made, sent and checked, how long the disk lasts. */
function recordingState(studio) {
  const time = h("span", { class: "rec-time" });
  const what = h("span", { class: "rec-what" });
  const disk = h("span", { class: "rec-disk" });
  const band = h("div", { class: "rec-band", role: "status", "aria-label": "Recording" }, h("i", { class: "rec-dot", "aria-hidden": "true" }), h("strong", {}, "Recording"), time, what, disk);
  const line = h("div", { class: "line-band", role: "alert" });
  const quiet = h("div", { class: "line-band", role: "status" });
  const element = h("div", { class: "bands" }, band, line, quiet);
  const show = () => {
    const { take, upload: of, connection, level, isMuted, recorder } = studio;
    band.hidden = !take;
    if (take) {
      say(time, clock(Math.floor(studio.takeS)));
      say(what, studio.notRecorded || !recorder.running.length ? studio.notRecorded || "starting" : `${size(of.made)} made, ${size(of.sent)} sent, ${of.verified ? `${size(of.verified)} checked` : "checked at the end"}`);
      say(disk, Number.isFinite(studio.disk.minutes) ? `${span(Math.floor(studio.disk.minutes) * 60)} of space left` : "");
      disk.classList.toggle("strong", studio.disk.isLow);
    }
    const isBroken = connection === "reconnecting" || connection === "offline";
    line.hidden = !isBroken;
    const goesOn = recorder.running.length ? `Your recording continues on this device, ${size(of.made - of.sent)} waiting.` : "You are still in the room.";
    say(line, isBroken ? `${connection === "offline" ? "You are offline." : "The connection is gone; reconnecting."} ${goesOn}` : "");
    quiet.hidden = isBroken || isMuted || !level.isSilent || !studio.tracks.mic;
    say(quiet, quiet.hidden ? "" : "No sound from your microphone for 10 s. Is it muted, or the wrong one?");
  };
  return { element, show };
}

function controlBar(studio, showList) {
  const mic = toggle("m", async () => studio.setMuted(!studio.isMuted));
  const cam = toggle("v", (from) => busy(from, () => device("Camera", () => studio.setCam(!studio.tracks.cam))));
  const screen = toggle("s", (from) => busy(from, () => device("Screen", () => studio.setScreen(!studio.tracks.screen))));
  const record = toggle("r", () => studio.record(!studio.take));
  const layout = select(LAYOUTS, studio.layout, (value) => studio.setLayout(value), "Layout of the clips");
  const markIt = toggle("k", () => {
    studio.mark("");
    note("Marked.");
  });
  const list = button("People", showList, { icon: "rooms", class: "only-narrow ctl" });
  const gear = button("Devices", () => settings(studio), { icon: "settings", class: "ctl" });
  const leave = button("Leave", () => studio.leave(), { icon: "out", class: "ctl leave" });
  const group = h(
    "div",
    { class: `room-bar${studio.isHost ? " of-host" : ""}`, role: "group", "aria-label": "Controls" },
    mic.element, cam.element, navigator.mediaDevices.getDisplayMedia && screen.element, gear, list,
    studio.isHost && [h("span", { class: "bar-gap" }), record.element, markIt.element, layout],
    h("span", { class: "bar-gap" }), leave,
  );
  const element = h("footer", {}, group);
  const show = () => {
    const { isMuted, tracks, take, peers } = studio;
    mic.show(isMuted ? "micoff" : "mic", isMuted ? "Unmute" : "Mute", isMuted ? "off" : "");
    cam.show(tracks.cam ? "cam" : "camoff", tracks.cam ? "Camera off" : "Camera on", tracks.cam ? "" : "off");
    screen.show("screen", tracks.screen ? "Unshare screen" : "Share screen", tracks.screen ? "on" : "");
    record.show(take ? "stop" : "record", take ? "Stop recording" : "Record", take ? "rec on" : "rec");
    markIt.show("mark", "Mark", "");
    markIt.element.disabled = !take;
    if (document.activeElement !== layout) layout.value = studio.layout;
    list.dataset.waiting = String(studio.isHost ? peers.filter(({ state }) => state === "lobby").length : 0);
  };
  return { element, show };
}

/** A button whose sign and name change with what it would do. */
function toggle(key, does) {
  const sign = h("span", { class: "sign" });
  const label = h("span", { class: "ctl-label" });
  const element = h("button", { type: "button", class: "ctl", "aria-keyshortcuts": key, on: { click: () => does(element) } }, sign, label);
  let shown = "";
  const show = (name, text, look) => {
    if (shown !== text) {
      fill(sign, icon(name));
      const [first, ...rest] = text.split(" "); // the rest has no place on a phone, and is said all the same
      fill(label, first, rest.length > 0 && h("span", { class: "rest" }, ` ${rest.join(" ")}`));
      element.title = `${text} (${key})`;
    }
    shown = text;
    element.className = `ctl ${look}`;
  };
  return { element, show };
}

/** Opens something of the device; says in words what went wrong. */
async function device(what, does) {
  try {
    await does();
  } catch (error) {
    if (what !== "Screen" || error.name !== "NotAllowedError") note(`${what}: ${toldOf(error)}`, { tone: "bad" });
  }
}

function settings(studio) {
  dialog("Devices", async (body, close) => {
    let wanted = studio.choices;
    const place = h("div", {});
    const build = async () => fill(place, await controls(wanted, studio.tracks, (choices) => { wanted = choices; }));
    const save = button("Use these", (from) => busy(from, () => device("Devices", async () => {
      await studio.choose(wanted);
      keepChoices(wanted);
      close();
    })), { class: "primary" });
    put(body, place, studio.take && h("p", { class: "hint" }, "A recording runs: what you change begins a new part of it, and the parts are joined later."), h("div", { class: "row end" }, save));
    await build();
  });
}

function openList(studio, signal) {
  const list = people(studio);
  dialog("People", (body) => body.append(list.element));
  studio.addEventListener("change", list.show, { signal });
  list.show();
}

function keys(studio, signal) {
  bind(
    [
      ["m", "Mute and unmute yourself", () => studio.setMuted(!studio.isMuted)],
      ["v", "Start and stop your camera", () => device("Camera", () => studio.setCam(!studio.tracks.cam))],
      ["s", "Share your screen, or stop", () => device("Screen", () => studio.setScreen(!studio.tracks.screen))],
      ...(studio.isHost ? [["r", "Start and stop recording", () => studio.record(!studio.take)], ["k", "Set a mark", () => studio.take && studio.mark("")]] : []),
      ["?", "Show what the keys do", showKeys],
    ],
    signal,
  );
  if (!isListening) listen();
  isListening = true;
}
