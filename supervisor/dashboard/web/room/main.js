// A recording room in the browser: the door, the check, the lobby, the room, and what is left to do after it.
import { fill, h } from "../js/dom.js";
import { note } from "../js/ui.js";
import { recall } from "./keep.js";
import { readLink } from "./membership.js";
import { plainPage } from "./parts.js";
import { after } from "./screen-after.js";
import { check } from "./screen-check.js";
import { gate } from "./screen-gate.js";
import { lobby } from "./screen-lobby.js";
import { room } from "./screen-room.js";
import { Store } from "./store.js";
import { Studio } from "./studio.js";

const app = document.getElementById("app");
const link = readLink();
const store = new Store();
let screen = new AbortController();
let studio = null;

/** What is shown from now on; gives the signal that ends it. */
function turn() {
  screen.abort();
  screen = new AbortController();
  document.title = "Recording room · clipd";
  requestAnimationFrame(() => document.activeElement === document.body && app.querySelector("h1")?.focus()); // keyboards and readers go on there
  return screen.signal;
}

function door() {
  gate(app, { link, store, signal: turn(), done: prepare });
}

async function prepare(membership) {
  turn();
  await store.room({ room: link.room, pid: membership.pid, name: recall("name"), token: membership.uploadToken });
  await check(app, { membership, done: (chosen) => enter(membership, chosen) });
}

/** One tab records; another one says so. */
function enter(membership, { tracks, choices }) {
  navigator.locks.request(`clipd.room.${link.room}`, { ifAvailable: true }, async (lock) => {
    if (!lock) {
      for (const track of Object.values(tracks)) track?.stop();
      over("elsewhere");
      return;
    }
    studio = new Studio({ membership, store, tracks, choices });
    const isOver = new Promise((done) => studio.addEventListener("over", ({ detail }) => done(detail)));
    studio.addEventListener("note", ({ detail }) => note(detail.text, { tone: detail.tone, ms: 8000 }));
    let shown = null;
    const show = () => {
      const wanted = studio.isAdmitted ? room : lobby;
      if (wanted === shown || studio.isOver) return;
      shown = wanted;
      wanted(app, { studio, signal: turn() });
    };
    studio.addEventListener("change", show);
    show();
    await studio.enter();
    over(await isOver);
  });
}

function over(why) {
  studio = null;
  after(app, { store, room: link.room, why, signal: turn(), again: why === "kicked" ? null : door });
}

// What is not with the server yet is on this device, and would go on at the next visit; still, one may want to stay
addEventListener("beforeunload", (event) => {
  if (studio?.recorder.take || store.progress.segments.some(({ bytes, state }) => bytes && state === "open")) event.preventDefault();
});
addEventListener("hashchange", () => location.reload());

store.ready().then(door, () => {
  fill(app, plainPage("Nothing can be kept here", h("p", { class: "soft" }, "This browser gives the page no storage, as some do in private windows. Open the link in a normal window.")));
});
