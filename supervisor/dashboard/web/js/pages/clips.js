// Every clip, newest first, filling itself while workers cut.
import { fill, h, ownUrl, say } from "../dom.js";
import { ago, clock, plural, score } from "../format.js";
import { icon } from "../icons.js";
import { bind } from "../keys.js";
import { judge, length, marks, titleOf } from "../clipview.js";
import { broken, button, empty, loading, select } from "../ui.js";
import { Grid } from "../virtual.js";

const TEXT_HIGH = 98; // px below the picture
const TYPING_MS = 250;
const STATES = [["", "Any state"], ["provisional", "Provisional"], ["final", "Final"], ["withdrawn", "Withdrawn"]];
const REVIEWS = [["", "Any verdict"], ["none", "To review"], ["approved", "Approved"], ["rejected", "Rejected"]];
const SCORES = [["", "Any score"], ["0.5", "50 and up"], ["0.7", "70 and up"], ["0.85", "85 and up"]];

export async function show(room, root, _id, signal) {
  const { clips } = room;
  const count = h("p", { class: "soft small", role: "status" });
  const fresh = h("div", { class: "fresh" });
  const host = h("div", { role: "feed", "aria-label": "Clips" });
  const body = h("div", {}, loading(3, "card-line"));
  fill(root, h("header", { class: "page-head" }, h("h1", {}, "Clips"), count), filters(room, signal), fresh, body);

  const grid = new Grid(host, {
    scroller: room.main,
    least: 244,
    height: (width) => (width * 9) / 16 + TEXT_HIGH,
    key: (clip) => clip.id,
    make: (clip) => card(room, clip),
    update: (node, clip) => node.renew(clip),
    near: () => clips.more(),
  });
  const chosen = choosing(room, grid, signal);
  room.main.addEventListener("scroll", () => {
    clips.scrollTop = room.main.scrollTop;
    clips.hold = room.main.scrollTop > 40;
  }, { passive: true, signal });
  signal.addEventListener("abort", () => {
    clips.hold = false;
    grid.destroy();
  });

  const draw = () => {
    if (!clips.loaded) return;
    if (clips.error && !clips.items.length) return void fill(body, broken(clips.error, "Clips", () => clips.load()));
    say(count, clips.items.length ? `${plural(clips.items.length, "clip")}${clips.next ? " so far" : ""}` : "");
    waiting(room, fresh);
    if (!clips.items.length) return void fill(body, nothing(room));
    if (body.firstChild !== host) fill(body, host);
    grid.items = clips.items;
    for (const [clip, node] of grid.shown()) node.renew(clip);
  };
  clips.addEventListener("change", draw, { signal });
  room.streams.addEventListener("change", ({ detail }) => detail === "" && draw(), { signal });
  bind(
    [
      ["j", "Next clip", () => chosen.move(1)],
      ["k", "Previous clip", () => chosen.move(-1)],
      ["ArrowDown", "", () => chosen.move(grid.columns)],
      ["ArrowUp", "", () => chosen.move(-grid.columns)],
      ["y", "Approve the chosen clip", () => chosen.judge("approved")],
      ["n", "Reject the chosen clip", () => chosen.judge("rejected")],
      [" ", "Play the chosen clip", () => chosen.open()],
      ["Enter", "Open the chosen clip", () => chosen.open()],
      ["/", "Search", () => root.querySelector("input[type=search]").focus()],
    ],
    signal,
  );
  const back = clips.loaded ? clips.scrollTop : 0;
  if (clips.loaded) draw();
  else await clips.load();
  room.main.scrollTop = back;
  chosen.back();
}

function filters(room, signal) {
  const { clips, streams } = room;
  const change = (name, value) => clips.load({ ...clips.filter, [name]: value });
  const search = h("input", { type: "search", placeholder: "Title, reasons", "aria-label": "Search clips", value: clips.filter.q ?? "" });
  let timer = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => change("q", search.value.trim()), TYPING_MS);
  });
  search.addEventListener("keydown", (event) => event.key === "Escape" && search.blur());
  const ofStream = select([["", "All streams"]], "", (value) => change("stream", value), "Stream");
  const names = () => {
    const sign = streams.list.map((each) => each.stream.name).join("\n");
    if (ofStream.dataset.sign === sign) return;
    ofStream.dataset.sign = sign;
    fill(ofStream, h("option", { value: "" }, "All streams"), streams.list.map(({ stream }) => h("option", { value: stream.id, selected: clips.filter.stream === stream.id }, stream.name)));
  };
  streams.addEventListener("change", names, { signal });
  names();
  return h(
    "div",
    { class: "filters", role: "search" },
    h("div", { class: "search" }, icon("search"), search),
    select(REVIEWS, clips.filter.review ?? "", (value) => change("review", value), "Verdict"),
    select(STATES, clips.filter.state ?? "", (value) => change("state", value), "State"),
    ofStream,
    select(SCORES, clips.filter.min_score ?? "", (value) => change("min_score", value), "Score"),
  );
}

function waiting(room, host) {
  const { clips } = room;
  if (!clips.waiting.length) return void fill(host);
  const come = () => {
    room.main.scrollTop = 0;
    clips.release();
  };
  fill(host, button(plural(clips.waiting.length, "new clip"), come, { class: "primary" }));
}

function choosing(room, grid, signal) {
  const { clips } = room;
  const find = () => grid.items.findIndex((clip) => clip.id === clips.chosen);
  const mark = () => {
    for (const [clip, node] of grid.shown()) node.setAttribute("aria-current", String(clip.id === clips.chosen));
  };
  const focus = (at) => {
    grid.reveal(at)?.querySelector("h2 a").focus({ preventScroll: true });
    mark();
  };
  grid.host.addEventListener("focusin", ({ target }) => {
    clips.chosen = target.closest(".clip-card")?.dataset.id ?? clips.chosen;
    mark();
  }, { signal });
  return {
    move(step) {
      const at = find();
      focus(Math.max(0, Math.min(grid.items.length - 1, at < 0 ? 0 : at + step)));
    },
    judge(review) {
      const at = find();
      if (at >= 0) judge(room, grid.items[at], review);
      else focus(0);
    },
    open() {
      if (find() >= 0) location.hash = `#/clips/${clips.chosen}`;
      else focus(0);
    },
    back() {
      if (find() >= 0) focus(find());
    },
  };
}

function card(room, first) {
  let clip = first;
  const link = h("a", { href: `#/clips/${first.id}` });
  const picture = h("a", { class: "thumb", href: `#/clips/${first.id}`, tabIndex: -1, "aria-hidden": "true" });
  const value = h("span", { class: "value", title: "Score out of 100" });
  const where = h("span", { class: "cut grow" });
  const yes = room.mayEdit && button("Approve", () => judge(room, clip, "approved"), { icon: "check", bare: true, class: "yes" });
  const no = room.mayEdit && button("Reject", () => judge(room, clip, "rejected"), { icon: "cross", bare: true, class: "no" });
  const node = h(
    "article",
    { class: "clip-card", data: { id: first.id } },
    picture,
    h("div", { class: "text" }, h("h2", { class: "lines2" }, link), h("div", { class: "meta" }, value, where, yes, no)),
  );
  let shown = "";
  node.renew = (now) => {
    clip = now;
    const name = room.streams.name(clip.stream);
    const sign = JSON.stringify([clip.revision, clip.state, clip.review, clip.title, clip.score, name, Boolean(clip.files)]);
    say(where, `${name} · ${ago(clip.created)}`);
    if (sign === shown) return;
    shown = sign;
    say(link, titleOf(clip));
    say(value, score(clip.score));
    node.classList.toggle("is-out", clip.state === "withdrawn" || clip.review === "rejected");
    const source = ownUrl(clip.files?.thumbnail);
    fill(
      picture,
      source ? h("img", { src: source, alt: "", loading: "lazy", decoding: "async" }) : h("span", { class: "none" }, "No picture"),
      h("span", { class: "marks" }, marks(clip)),
      h("span", { class: "len" }, clock(length(clip))),
    );
    picture.querySelector("img")?.addEventListener("error", ({ target }) => target.replaceWith(h("span", { class: "none" }, "Picture is gone")));
  };
  node.renew(first);
  return node;
}

function nothing(room) {
  const filtered = Object.values(room.clips.filter).some(Boolean);
  if (filtered) return empty("Nothing fits these filters", "Take one away, or wait: clips that fit appear here by themselves.");
  return empty(
    "No clips yet",
    "They appear here by themselves, a few seconds after a moment has ended. Until then: watch a stream, clip a recording, or cut the last seconds of a stream by hand.",
    h("a", { class: "button", href: "#/streams" }, "Streams"),
    h("a", { class: "button", href: "#/jobs" }, "Clip a recording"),
  );
}
