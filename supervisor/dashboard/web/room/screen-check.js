// Before the room: is the right camera on, does the microphone hear, is there space.
import { fill, h, say } from "../js/dom.js";
import { icon } from "../js/icons.js";
import { busy, button } from "../js/ui.js";
import { controls, keepChoices, recallChoices } from "./choices.js";
import { OPUS_BPS, PCM_BPS, gives, openCam, openMic, sizesOf, toldOf, usualSize } from "./devices.js";
import { watchLevel } from "./level.js";
import { levelMeter, plainPage } from "./parts.js";
import { free, judge, persist } from "./quota.js";

/** Opens the devices and shows them; `done({tracks, choices})` when the person goes in. */
export async function check(app, { membership, done }) {
  const view = { choices: recallChoices(), tracks: { mic: null, cam: null }, stopLevel: () => {}, problems: { mic: "", cam: "" } };
  view.meter = levelMeter("large");
  view.video = h("video", { muted: true, autoplay: true, playsInline: true, class: "mirrored", "aria-label": "Your camera" });
  view.none = h("p", {}, "Opening your devices. Your browser may ask for permission.");
  view.given = h("span", { class: "film-note" });
  view.heard = h("p", { class: "small soft", role: "status" });
  view.said = h("div", { class: "stack tight", role: "alert" });
  view.space = h("p", { class: "small soft" });
  view.form = h("div", {});
  const go = button("Go in", () => {
    view.stopLevel();
    keepChoices(view.choices);
    done({ tracks: view.tracks, choices: view.choices });
  }, { class: "primary big", disabled: true });
  view.go = go;
  fill(
    app,
    plainPage(
      "Check your camera and microphone",
      h("p", { class: "soft" }, `For ${membership.room?.name || "the recording"}. Nobody sees or hears you yet.`),
      h(
        "div",
        { class: "check-grid" },
        h(
          "section",
          { class: "card" },
          h("div", { class: "screen" }, view.none, view.video, view.given),
          h("div", { class: "pad stack tight" }, h("div", { class: "row" }, icon("mic"), h("span", { class: "grow" }, view.meter.element)), view.heard),
        ),
        h("section", { class: "card pad stack" }, view.said, view.form, view.space, go),
      ),
    ),
  );
  await persist();
  await open(view, ["mic", "cam"]);
}

async function open(view, names) {
  const { tracks, problems } = view;
  view.go.disabled = true;
  for (const name of names) {
    tracks[name]?.stop();
    tracks[name] = null;
    problems[name] = "";
    if (name === "cam" && !view.choices.withCam) continue;
    try {
      tracks[name] = await (name === "mic" ? openMic(view.choices.micId, view.choices) : openCam(view.choices.camId, view.choices.size));
    } catch (error) {
      if (await fellBack(view, name, error)) continue;
      problems[name] = `${name === "mic" ? "Microphone" : "Camera"}: ${toldOf(error)}`;
    }
  }
  await show(view);
}

/** The device of the last visit is not there: then any. */
async function fellBack(view, name, error) {
  const key = `${name}Id`;
  if (error.name !== "OverconstrainedError" || !view.choices[key]) return false;
  view.choices = { ...view.choices, [key]: "" };
  try {
    view.tracks[name] = await (name === "mic" ? openMic("", view.choices) : openCam("", view.choices.size));
    return true;
  } catch {
    return false;
  }
}

async function show(view) {
  const { tracks, problems } = view;
  const { mic, cam } = tracks;
  const sizes = sizesOf(cam);
  if (cam && !sizes.some(({ height }) => height === view.choices.size.height)) view.choices = { ...view.choices, size: usualSize(sizes) };
  view.video.srcObject = cam ? new MediaStream([cam]) : null;
  view.video.hidden = !cam;
  view.none.hidden = Boolean(cam);
  say(view.none, view.choices.withCam && problems.cam ? "No camera: you can go in with your voice only." : "Your camera is off. You can go in with your voice only.");
  say(view.given, cam ? gives(cam) : "");
  view.given.hidden = !cam;
  fill(view.said, Object.values(problems).filter(Boolean).map((text) => h("p", { class: "bad small" }, text)), problems.mic && button("Try again", () => open(view, ["mic", "cam"]), { icon: "retry" }));
  listen(view, mic);
  fill(view.form, await controls(view.choices, tracks, (choices, what) => choose(view, choices, what)));
  await showSpace(view);
  view.go.disabled = !mic;
}

function choose(view, choices, what) {
  view.choices = choices;
  if (what === "camId" || what === "size") return busy(null, () => open(view, ["cam"]));
  if (what === "micId" || what === "hasHeadphones") return busy(null, () => open(view, ["mic"]));
  return show(view);
}

function listen(view, mic) {
  view.stopLevel();
  view.meter.show(null);
  if (!mic) return say(view.heard, "Without a microphone you cannot go in.");
  let wasHeard = false;
  say(view.heard, "Say something: the bar should move.");
  view.stopLevel = watchLevel(mic, (level) => {
    view.meter.show(level);
    wasHeard ||= level.peak > 0.02;
    if (level.clip) say(view.heard, "Too loud: the red light is clipping. Turn the microphone down, or go further away.");
    else if (level.isSilent) say(view.heard, "No sound for 10 s. Is it muted, or the wrong one?");
    else if (wasHeard) say(view.heard, `It hears you${gives(mic) ? ` at ${gives(mic)}` : ""}.`);
  });
  return undefined;
}

async function showSpace(view) {
  const { choices, tracks } = view;
  const bps = (choices.wav ? PCM_BPS : OPUS_BPS) + (tracks.cam ? choices.size.bps : 0);
  const { minutes, isLow, isTooLow } = judge(await free(), bps);
  const hours = minutes / 60;
  view.space.className = `small ${isTooLow ? "bad" : isLow ? "warn" : "soft"}`;
  if (isTooLow) say(view.space, "This device has no space for a recording of this size. Free some, or choose a smaller one.");
  else if (Number.isFinite(minutes)) say(view.space, `This device has space for about ${hours >= 2 ? `${Math.floor(hours)} hours` : `${Math.floor(minutes)} minutes`} of recording.`);
}
