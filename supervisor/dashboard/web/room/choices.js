// Which devices, which size, which sound: remembered, and chosen before the call as well as in it.
import { h } from "../js/dom.js";
import { field, select } from "../js/ui.js";
import { SIZES, devices, sizesOf, usualSize } from "./devices.js";
import { keep, recallJson } from "./keep.js";
import { canWav } from "./recorder.js";

const USUAL = { micId: "", camId: "", height: 0, hasHeadphones: false, wav: false, lowData: false, withCam: true };

/** What was chosen at an earlier visit; `size` is filled in once the camera is known. */
export function recallChoices() {
  const { height, ...rest } = recallJson("devices", USUAL);
  return { ...rest, wav: rest.wav && canWav(), size: SIZES.find((each) => each.height === height) ?? usualSize(SIZES) };
}

export function keepChoices({ size, ...rest }) {
  keep("devices", JSON.stringify({ ...rest, height: size.height }));
}

/** The controls for `choices`; `changed(choices, what)` gets new ones. */
export async function controls(choices, { cam, mic }, changed) {
  const { mics, cams } = await devices();
  const set = (what, value) => changed({ ...choices, [what]: value }, what);
  const micId = mic?.getSettings().deviceId ?? choices.micId;
  const camId = cam?.getSettings().deviceId ?? choices.camId;
  const sizes = sizesOf(cam);
  const size = sizes.find(({ height }) => height === choices.size.height) ?? usualSize(sizes);
  const tick = (what, label, hint) => h("label", { class: "tick" }, h("input", { type: "checkbox", name: what, checked: choices[what], on: { change: (event) => set(what, event.target.checked) } }), h("span", {}, label, h("span", { class: "hint" }, hint)));
  return h(
    "div",
    { class: "choices" },
    field("Microphone", select(mics.length ? mics.map(({ id, label }) => [id, label]) : [["", "None found"]], micId, (id) => set("micId", id), "Microphone")),
    field("Camera", select([...cams.map(({ id, label }) => [id, label]), ["", "No camera"]], cam ? camId : "", (id) => changed({ ...choices, camId: id || choices.camId, withCam: Boolean(id) }, "camId"), "Camera")),
    cam && field("Recorded size", select(sizes.map((each) => [String(each.height), `${each.label}, ${Math.round((each.bps * 60) / 8 / 1e6)} MB/min`]), String(size.height), (height) => set("size", sizes.find((each) => String(each.height) === height)), "Recorded size")),
    h(
      "fieldset",
      { class: "stack" },
      h("legend", { class: "unseen" }, "Sound and data"),
      tick("hasHeadphones", "I wear headphones", "Your voice is recorded as it is. Without them echo and noise are taken out, which costs some quality."),
      canWav() && tick("wav", "Lossless sound (WAV)", "For music and mastering; about 11 MB a minute."),
      tick("lowData", "Low data", "Your camera is recorded here but not shown live, so a slow line has only your voice to carry."),
    ),
  );
}
