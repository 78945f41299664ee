// Recording rooms: an honest empty place.
import { fill, h } from "../dom.js";
import { empty } from "../ui.js";

export async function show(_room, root) {
  fill(
    root,
    h("header", { class: "page-head" }, h("h1", {}, "Rooms")),
    empty(
      "Recording rooms come with a later version",
      "Guests will join by a link, each is recorded on their own machine, and clips are cut while the conversation goes on. Until then, send a programme to clipd by RTMP or SRT and watch it as a stream.",
      h("a", { class: "button", href: "#/streams" }, "Go to Streams"),
    ),
  );
}
