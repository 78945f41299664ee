// The frame of all pages: navigation, the state of the connection, theme, who is signed in; and which page is shown.
import { signOut } from "./api.js";
import { every, fill, h } from "./dom.js";
import { icon, mark } from "./icons.js";
import { bind, showKeys } from "./keys.js";
import { Live } from "./live.js";
import { Clips, Streams } from "./store.js";
import { announce, broken, button, loading, note } from "./ui.js";

const PAGES = [
  ["streams", "Streams"],
  ["clips", "Clips"],
  ["jobs", "Jobs"],
  ["rooms", "Rooms"],
  ["channels", "Channels"],
  ["health", "Health"],
  ["settings", "Settings"],
];
const LOADERS = {
  streams: (id) => (id ? import("./pages/stream.js") : import("./pages/streams.js")),
  clips: (id) => (id ? import("./pages/clip.js") : import("./pages/clips.js")),
  jobs: () => import("./pages/jobs.js"),
  rooms: (id) => (id ? import("./pages/room.js") : import("./pages/rooms.js")),
  channels: () => import("./pages/channels.js"),
  health: () => import("./pages/health.js"),
  settings: () => import("./pages/settings.js"),
};
const SAID = {
  live: ["good", "Live"],
  connecting: ["warn", "Connecting"],
  offline: ["bad", "Offline, trying again"],
};
const THEMES = { auto: "auto", light: "sun", dark: "moon" };
const BEAT_MS = 2000;
const STREAMS_MS = 20_000;

/** Shows the control room for `me`; gives what ends it. `again` starts over after signing out. */
export function shell(app, me, again) {
  const ending = new AbortController();
  const { signal } = ending;
  const live = new Live();
  const main = h("main", { class: "main", id: "main", tabIndex: -1 });
  const room = { me, live, main, streams: new Streams(), clips: new Clips(), mayEdit: me.role !== "viewer", isAdmin: ["admin", "owner"].includes(me.role) };

  fill(app, frame(room, main, again, signal));
  follow(room, signal);
  route(room, signal);
  bind(
    [
      ["?", "Show what the keys do", showKeys],
      ...PAGES.map(([name, label], at) => [String(at + 1), `Go to ${label}`, () => (location.hash = `#/${name}`)]),
    ],
    signal,
  );
  return () => {
    ending.abort();
    live.stop();
  };
}

function frame(room, main, again, signal) {
  const tabs = h(
    "nav",
    { class: "tabs", "aria-label": "Pages" },
    PAGES.map(([name, label]) => h("a", { class: "tab", href: `#/${name}`, data: { tab: name } }, icon(name), h("span", {}, label))),
  );
  const skip = h("button", { class: "skip", type: "button" }, "Skip to content");
  skip.addEventListener("click", () => main.focus());
  const leave = button("Sign out", async () => {
    try {
      await signOut();
    } catch {
      note("The server did not answer; the session ends there by itself.", { tone: "warn" });
    }
    again();
  }, { icon: "out", bare: true });
  return h(
    "div",
    { class: "shell" },
    skip,
    h(
      "header",
      { class: "rail" },
      h("a", { class: "brand", href: "#/streams", "aria-label": "clipd, streams" }, mark(), "clipd"),
      tabs,
      h(
        "div",
        { class: "foot" },
        linkState(room.live, signal),
        h("p", { class: "who cut" }, `${room.me.name || room.me.id} · ${room.me.role}`),
        h("div", { class: "row" }, themeButton(), button("Keys", showKeys, { icon: "help", bare: true }), leave),
      ),
    ),
    main,
  );
}

function linkState(live, signal) {
  const made = h("p", { class: "link-state state", role: "status" });
  const show = () => {
    const [tone, text] = SAID[live.state];
    made.className = `link-state state ${tone}`;
    fill(made, h("i", { "aria-hidden": "true" }), text);
  };
  live.addEventListener("state", show, { signal });
  show();
  return made;
}

function themeButton() {
  const read = () => document.documentElement.dataset.theme ?? "auto";
  const made = button("Theme", () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(read()) + 1) % names.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("clipd.theme", next);
    } catch {
      // For this visit, then
    }
    show();
    announce(`Theme: ${next}`);
    dispatchEvent(new Event("theme"));
  }, { bare: true });
  const show = () => {
    fill(made, icon(THEMES[read()]), h("span", { class: "unseen" }, `Theme: ${read()}`));
    made.title = `Theme: ${read()}`;
  };
  show();
  return made;
}

function follow(room, signal) {
  const { live, streams, clips } = room;
  live.addEventListener("event", ({ detail }) => {
    streams.line(detail);
    if (detail.kind === "clip" || detail.kind === "review") clips.touch(String(detail.line.clip ?? detail.line.id));
  }, { signal });
  live.addEventListener("resync", () => {
    streams.load(signal);
    if (clips.loaded) clips.load();
  }, { signal });
  live.addEventListener("state", ({ detail }) => detail === "live" && streams.error && streams.load(signal), { signal });
  clips.addEventListener("new", ({ detail }) => announce(`New clip: ${detail.title || "untitled"}`), { signal });
  live.start();
  every(STREAMS_MS, () => streams.load(signal), signal);
  every(BEAT_MS, () => streams.beat(signal), signal);
}

function route(room, signal) {
  let page = new AbortController();
  const show = async () => {
    const [name = "streams", id = ""] = location.hash.replace(/^#\/?/, "").split("?")[0].split("/").map(decode);
    const known = name in LOADERS ? name : "streams";
    page.abort();
    page = new AbortController();
    const one = page.signal;
    for (const tab of document.querySelectorAll(".tab")) {
      if (tab.dataset.tab === known) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    document.title = `${PAGES.find(([code]) => code === known)[1]} · clipd`;
    const root = h("div", { class: "page" }, loading());
    fill(room.main, root);
    room.main.scrollTop = 0;
    try {
      const module = await LOADERS[known](id);
      if (!one.aborted) await module.show(room, root, id, one);
    } catch (error) {
      if (!one.aborted && error.name !== "AbortError") fill(root, broken(error, "This page", show));
    }
  };
  addEventListener("hashchange", show, { signal });
  signal.addEventListener("abort", () => page.abort());
  show();
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}
