// Waiting to be let in: what the others will see, and a way back.
import { fill, h, say } from "../js/dom.js";
import { button } from "../js/ui.js";
import { levelMeter, plainPage } from "./parts.js";

const SAID = {
  connecting: "Connecting to the room.",
  open: "The host knows that you are here, and lets you in.",
  waiting: "The connection is gone. It is tried again by itself.",
};

/** Shows the lobby until `signal` aborts. */
export function lobby(app, { studio, signal }) {
  const meter = levelMeter("large");
  const said = h("p", { class: "soft", role: "status" });
  const video = h("video", { muted: true, autoplay: true, playsInline: true, class: "mirrored", "aria-label": "Your camera" });
  const { cam } = studio.tracks;
  if (cam) video.srcObject = new MediaStream([cam]);
  fill(
    app,
    plainPage(
      "Almost there",
      h(
        "section",
        { class: "card lobby" },
        h("div", { class: "screen" }, cam ? video : h("p", {}, "Your camera is off.")),
        h("div", { class: "pad stack" }, h("p", { class: "row" }, h("i", { class: "pulse", "aria-hidden": "true" }), said), meter.element, h("div", { class: "row" }, button("Leave", () => studio.leave(), { icon: "out" }))),
      ),
    ),
  );
  const show = () => say(said, studio.signal.isOpening ? "The room is opening. One moment." : SAID[studio.line] ?? "");
  studio.addEventListener("change", show, { signal });
  studio.addEventListener("level", () => meter.show(studio.level), { signal });
  show();
}
