// One recording room: its links, its takes, and who has brought which tracks.
import { all, get, patch, post, remove } from "../api.js";
import { every, fill, h, ownUrl } from "../dom.js";
import { ago, plural, size, span, when, words } from "../format.js";
import { bind } from "../keys.js";
import { LAYOUTS, stateOf } from "../rooms-parts.js";
import { badge, broken, busy, button, dialog, empty, field, form, loading, note, secretOnce, select, state, sure } from "../ui.js";

const LOOK_MS = 3000;
const TRACKS = { mic: "Microphone", cam: "Camera", screen: "Screen" };
const TONES = { "local complete": "good", "local incomplete": "warn", uploading: "accent", "backup only": "warn", none: "" };
const UUID = /-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
const LASTS = [["86400", "1 day"], ["604800", "1 week"], ["", "until it is revoked"]];

export async function show(room, root, id, signal) {
  const view = { room, id, signal, root, signs: {}, shown: new Set() };
  view.head = h("header", { class: "page-head" }, h("h1", {}, "Room"));
  view.links = h("div", {}, loading(2));
  view.takes = h("div", { class: "stack" }, loading(2, "card-line"));
  fill(
    root,
    view.head,
    h("section", { class: "card" }, h("header", { class: "row apart" }, h("h2", {}, "Invite links"), room.mayEdit && button("New link", () => invite(view), { icon: "plus", key: "i" })), view.links),
    h("h2", {}, "Takes"),
    view.takes,
  );
  bind([["i", "Make an invite link", () => room.mayEdit && invite(view)]], signal);
  every(LOOK_MS, () => look(view), signal);
}

async function look(view) {
  const { id, signal, root } = view;
  try {
    const [found, invites, takes] = await Promise.all([get(`rooms/${id}`, {}, signal), all(`rooms/${id}/invites`, {}, { signal }), all(`rooms/${id}/takes`, {}, { most: 50, signal })]);
    view.found = found;
    fresh(view, "head", [found, takes.map((each) => each.state)], () => head(view, takes.some((each) => each.state === "recording")));
    fresh(view, "links", invites, () => links(view, invites));
    const [newest] = takes;
    if (newest) view.shown.add(newest.id);
    const details = await Promise.all(takes.filter((each) => view.shown.has(each.id)).map((each) => get(`rooms/${id}/takes/${each.id}`, {}, signal)));
    fresh(view, "takes", [takes, details], () => fill(view.takes, takes.length ? takes.map((each) => take(view, details.find((one) => one.id === each.id) ?? each)) : empty("Nothing was recorded yet", "Join the room by a link, and start a take when everybody is there.")));
  } catch (error) {
    if (error.name !== "AbortError" && !view.found) fill(root, broken(error, "This room", () => show(view.room, root, id, signal)));
  }
}

/** Builds a part of the page only where what it shows has changed: focus and selections stay. */
function fresh(view, name, facts, build) {
  const sign = JSON.stringify(facts).replace(/([?&](?:sig|exp|signature|expires)=)[^"&]*/g, "$1"); // links are signed anew each time
  if (view.signs[name] === sign) return;
  view.signs[name] = sign;
  build();
}

function head(view, isRecording) {
  const { room, found, id } = view;
  const [tone, text] = stateOf(found);
  const isOpen = found.state === "open";
  const layout = select(LAYOUTS, found.layout, (wanted) => change(view, { layout: wanted }), "Layout of clips");
  fill(
    view.head,
    h("h1", { class: "cut" }, found.name),
    isRecording ? state("Recording", "bad") : state(text, tone),
    isOpen && tone !== "good" && found.reason && h("span", { class: "warn small" }, words(found.reason)),
    room.mayEdit && [
      layout,
      isOpen && button(isRecording ? "Stop take" : "Start take", (from) => busy(from, () => post(`rooms/${id}/${isRecording ? "stop" : "start"}`)), { icon: isRecording ? "stop" : "record", class: isRecording ? "danger" : "primary" }),
      button(isOpen ? "Close room" : "Open room", (from) => busy(from, () => change(view, { state: isOpen ? "closed" : "open" }))),
      !isOpen && button("Delete", () => erase(view), { icon: "trash", bare: true, class: "danger" }),
    ],
    h("a", { class: "button", href: `#/streams/${found.stream}` }, "Stream and clips"),
  );
}

async function change(view, wanted) {
  await patch(`rooms/${view.id}`, wanted);
  await look(view);
}

async function erase({ id, found }) {
  if (!(await sure(`Delete ${found.name}?`, "Everybody's tracks are deleted with it. Clips that were cut stay.", "Delete"))) return;
  try {
    await remove(`rooms/${id}`);
    location.hash = "#/rooms";
  } catch (error) {
    note(error.message, { tone: "bad" });
  }
}

// -- links -----------------------------------------------------------------------------------------------------------

function links(view, invites) {
  const now = Date.now();
  const [out, open] = [invites.filter((each) => isOut(each, now)), invites.filter((each) => !isOut(each, now))];
  fill(
    view.links,
    open.length ? h("ul", { class: "list" }, open.map((each) => link(view, each))) : h("p", { class: "pad soft" }, view.room.mayEdit ? "Nobody can come in yet: make a link for yourself as host, and one for your guests." : "Nobody can come in yet."),
    out.length > 0 && h("details", { class: "pad" }, h("summary", { class: "soft small" }, `${plural(out.length, "link")} that ${out.length === 1 ? "is" : "are"} no longer good`), h("ul", { class: "list" }, out.map((each) => link(view, each)))),
  );
}

const isOut = ({ revoked, expires }, now) => revoked || (expires && new Date(expires).getTime() <= now);

function link(view, each) {
  const gone = isOut(each, Date.now());
  const told = each.revoked ? "revoked" : gone ? "expired" : each.uses === 1 ? (each.used ? "for one person, used" : "for one person") : "for everybody who has it";
  return h(
    "li",
    {},
    badge(each.role, each.role === "guest" ? "" : "accent"),
    h("span", { class: "grow stack tight" }, h("span", {}, told), h("span", { class: "soft small" }, `made ${ago(each.created)}${each.expires && !gone ? `, good until ${when(each.expires)}` : ""}`)),
    view.room.mayEdit && !gone && button("Revoke", (from) => busy(from, async () => {
      await remove(`rooms/${view.id}/invites/${each.id}`);
      await look(view);
    }), { class: "danger" }),
  );
}

function invite(view) {
  dialog("New invite link", (body, close) => {
    const named = (made, name) => Object.assign(made, { name });
    const role = named(select([["guest", "Guest: waits until somebody lets them in"], ["host", "Host: records, admits, mutes"], ["producer", "Producer: as a host, behind the scenes"]], "guest", null, "For whom"), "role");
    const uses = named(select([["1", "one person, on one browser"], ["", "everybody who has it"]], "1", null, "How often"), "uses");
    const lasts = named(select(LASTS, "604800", null, "How long"), "lasts");
    body.append(
      form([field("For", role), field("Good for", uses), field("How long", lasts)], "Make link", async ({ role: who, uses: often, lasts: seconds }) => {
        const made = await post(`rooms/${view.id}/invites`, { role: who, uses: often ? 1 : null, expires_s: seconds ? Number(seconds) : null });
        close();
        secretOnce(`Link for a ${who}`, made.url, "Send it to them, or open it yourself. It is shown this once; we keep only its fingerprint.");
        look(view);
      }),
    );
  });
}

// -- takes -----------------------------------------------------------------------------------------------------------

function take(view, each) {
  const { id, state: how, started, stopped, people, participants, files = {}, conform } = each;
  const length = stopped ? (new Date(stopped) - new Date(started)) / 1000 : NaN;
  const isShown = view.shown.has(id);
  const isLiningUp = how === "stopped" && conform === "queued" && participants?.some(({ tracks }) => tracks.some((one) => one.segments.length && one.bound_ms === null));
  const more = button(isShown ? "Hide" : "Show tracks", () => {
    if (isShown) view.shown.delete(id);
    else view.shown.add(id);
    look(view);
  });
  const total = participants && participants.flatMap(({ tracks }) => tracks).reduce((sum, { bytes, verified_bytes: ok }) => ({ bytes: sum.bytes + bytes, ok: sum.ok + ok }), { bytes: 0, ok: 0 });
  return h(
    "section",
    { class: "card" },
    h(
      "header",
      { class: "row wrap" },
      h("h3", {}, when(started)),
      how === "recording" ? state("Recording", "bad") : badge(Number.isFinite(length) ? span(length) : "stopped"),
      badge(plural(people, "person", "people")),
      total?.bytes > 0 && badge(total.ok >= total.bytes ? "all tracks here" : `${size(total.ok)} of ${size(total.bytes)} here`, total.ok >= total.bytes ? "good" : "accent"),
      isLiningUp && badge("lining up", "accent"),
      h("span", { class: "grow" }),
      downloads(files),
      more,
    ),
    participants && (participants.length ? h("ul", { class: "list" }, participants.map(person)) : h("p", { class: "pad soft" }, "Nobody was in it.")),
  );
}

function person({ name, role, consent, tracks }) {
  const kept = tracks.filter((each) => each.state !== "none");
  return h(
    "li",
    { class: "person" },
    h("div", { class: "stack tight" }, h("span", { class: "strong" }, name), h("span", { class: "soft small" }, role, consent ? `, agreed ${when(consent.at)}` : ", no consent kept")),
    kept.length ? h("ul", { class: "tracks" }, kept.map(track)) : h("p", { class: "soft" }, "Nothing was recorded of them."),
  );
}

function track({ track: name, state: how, bytes, verified_bytes: ok, bound_ms: bound, files }) {
  const part = bytes ? ok / bytes : 0;
  return h(
    "li",
    {},
    h("span", {}, TRACKS[name] ?? name),
    state(words(how), TONES[how] ?? ""),
    h("span", { class: "stack tight small" }, bytes > 0 && [ok >= bytes ? size(bytes) : `${size(ok)} of ${size(bytes)}`, ok < bytes && h("div", { class: "meter", vars: { "--part": String(part) } }, h("i", {}))]),
    h("span", { class: "soft small" }, Number.isFinite(bound) ? `lined up within ${Math.ceil(bound)} ms` : "not lined up yet"),
    downloads(files),
  );
}

function downloads(files) {
  const known = Object.entries(files ?? {}).filter(([, url]) => ownUrl(url));
  return known.length > 0 && h("span", { class: "row wrap small" }, known.map(([name, url]) => h("a", { href: url, download: "", title: name }, name.replace(UUID, ""))));
}
