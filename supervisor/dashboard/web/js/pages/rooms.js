// Recording rooms: those that there are, and a new one.
import { all, post } from "../api.js";
import { every, fill, h } from "../dom.js";
import { ago, plural } from "../format.js";
import { bind } from "../keys.js";
import { badge, broken, button, dialog, empty, field, form, loading, select, state } from "../ui.js";
import { LAYOUTS, stateOf } from "../rooms-parts.js";

const LOOK_MS = 10_000;

export async function show(room, root, _id, signal) {
  const body = h("div", { class: "stack" }, loading(3, "card-line"));
  const view = { room, body, signal, sign: "" };
  const add = room.mayEdit && button("New room", () => make(), { icon: "plus", class: "primary", key: "a" });
  fill(root, h("header", { class: "page-head" }, h("h1", {}, "Rooms"), add), body);
  bind([["a", "Make a room", () => room.mayEdit && make()]], signal);
  every(LOOK_MS, () => look(view), signal);
}

async function look(view) {
  const { room, body, signal } = view;
  try {
    const rooms = await all("rooms", {}, { signal });
    const sign = JSON.stringify(rooms);
    if (sign === view.sign) return;
    view.sign = sign;
    fill(body, rooms.length ? h("ul", { class: "card list" }, rooms.map(row)) : empty(
      "Record a conversation",
      "Make a room and send its link. Guests join in their browser; each is recorded on their own device at full quality and uploaded while you talk, and clips are cut while the conversation goes on.",
      room.mayEdit && button("New room", () => make(), { icon: "plus", class: "primary" }),
    ));
  } catch (error) {
    if (error.name !== "AbortError" && !view.sign) fill(body, broken(error, "Rooms", () => look(view)));
  }
}

function row(each) {
  const [tone, text] = stateOf(each);
  return h(
    "li",
    {},
    h("span", { class: "grow stack tight" }, h("a", { class: "strong cut", href: `#/rooms/${each.id}` }, each.name), h("span", { class: "soft small" }, `${plural(each.max_people, "person", "people")} at most, made ${ago(each.created)}`)),
    badge(LAYOUTS.find(([code]) => code === each.layout)?.[1] ?? each.layout),
    state(text, tone),
  );
}

function make() {
  dialog("New room", (body, close) => {
    const layout = select(LAYOUTS, "grid", null, "Layout of clips");
    layout.name = "layout";
    const notice = h("textarea", { name: "notice", rows: 4, maxLength: 4000, placeholder: "Ours says that everybody is recorded on their device and on this server." });
    body.append(
      form(
        [
          field("Name", h("input", { name: "name", required: true, maxLength: 80, placeholder: "Tuesday show" }), "Guests see it."),
          field("Layout of clips", layout, "Can be changed during the call."),
          field("Recording notice", notice, "Everybody has to accept it before their camera and microphone are opened. Empty: ours."),
        ],
        "Make room",
        async ({ name, layout: wanted, notice: text }) => {
          const made = await post("rooms", { name: name.trim(), layout: wanted, ...(text.trim() ? { notice: text.trim() } : {}) });
          close();
          location.hash = `#/rooms/${made.id}`;
        },
      ),
    );
  });
}
