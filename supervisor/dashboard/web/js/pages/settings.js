// Profiles and what a change of them would mean; who may ask: tokens and members.
import { all, get, patch, post, remove } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, clock, plural, score, span, when, words } from "../format.js";
import { badge, broken, busy, button, dialog, empty, field, form, loading, note, secretOnce, select, sure } from "../ui.js";

const ROLES = ["viewer", "editor", "admin", "owner"];
const DAY_S = 86_400;
const OVERLAP_S = DAY_S;

export async function show(room, root, _id, signal) {
  const profiles = h("div", { class: "pad" }, loading(3));
  const tokens = h("div", {}, loading(3));
  const members = h("div", {}, loading(3));
  const view = { room, signal, profiles, tokens, members };
  const head = (text, ...acts) => h("header", { class: "row" }, h("h2", { class: "grow" }, text), acts);
  fill(
    root,
    h("header", { class: "page-head" }, h("h1", {}, "Settings")),
    h("section", { class: "card" }, head("Profiles"), profiles),
    h(
      "div",
      { class: "halves" },
      h("section", { class: "card" }, head("Tokens", room.isAdmin && button("New token", () => newToken(view), { icon: "plus" })), tokens),
      h("section", { class: "card" }, head("Members", room.isAdmin && button("Add member", () => newMember(view), { icon: "plus" })), members),
    ),
  );
  await Promise.all([showProfiles(view), showTokens(view), showMembers(view)]);
}

/** Their budgets, bars and what counts, side by side. */
function table(profiles) {
  const heads = [["Profile", ""], ["Clips an hour", "num"], ["Lengths", "num wide-only"], ["What counts most", "wide-only"]];
  const most = (weights) => Object.entries(weights).filter(([, weight]) => weight > 0).sort(([, a], [, b]) => b - a).slice(0, 3).map(([family]) => words(family)).join(", ");
  const rows = profiles.map((each) => h("tr", {}, h("td", { class: "strong" }, each.name), h("td", { class: "num" }, String(each.clips_per_hour)), h("td", { class: "num wide-only" }, lengths(each.clip)), h("td", { class: "wide-only soft" }, most(each.weights))));
  return h("div", { class: "scroll-x" }, h("table", {}, h("thead", {}, h("tr", {}, heads.map(([text, look]) => h("th", { class: look, scope: "col" }, text)))), h("tbody", {}, rows)));
}

const lengths = ({ min_s: least, max_s: most }) => (Number.isFinite(least) && Number.isFinite(most) ? `${span(least)} to ${span(most)}` : "–");

const rolesUpTo = (room) => ROLES.slice(0, ROLES.indexOf(room.me.role) + 1);

async function showProfiles(view) {
  let found;
  try {
    found = await get("profiles", {}, view.signal);
  } catch (error) {
    if (error.name !== "AbortError") fill(view.profiles, broken(error, "Profiles", () => showProfiles(view)));
    return;
  }
  const names = found.items;
  if (!names.length) return void fill(view.profiles, empty("No profiles", "This server has none."));
  const choice = select(names.map(({ name }) => name), names[0].name, null, "Profile");
  const answer = h("div", { class: "diff", role: "status" });
  const ask = button("What would change?", async (from) => {
    fill(answer, h("p", { class: "soft" }, "Running the recorded signals through this profile. A day of them takes a few seconds."), loading(2));
    const done = await busy(from, () => post(`profiles/${choice.value}/diff`));
    fill(answer, done === undefined ? h("p", { class: "soft" }, "It could not be told.") : difference(view, done));
  }, { class: "primary" });
  fill(
    view.profiles,
    h(
      "div",
      { class: "stack" },
      h("p", { class: "soft" }, "A profile says which signals count and how high the bar is. Try one on what was recorded before you use it: nothing is cut by this."),
      h("div", { class: "row wrap" }, h("div", {}, choice), view.room.mayEdit && ask),
      table(names),
      answer,
    ),
  );
}

function difference({ room }, { sessions: items }) {
  const parts = [["gained", "good", "Gained"], ["lost", "bad", "Lost"], ["moved", "warn", "Moved"]];
  const sum = (name) => items.flatMap((each) => each[name]);
  const failed = items.filter((each) => each.error);
  const same = items.reduce((all_, each) => all_ + each.same, 0);
  const heard = items.reduce((all_, each) => all_ + each.media_s, 0);
  return [
    !items.length && h("p", {}, "Nothing was recorded yet that it could be tried on."),
    items.length > 0 && h("p", {}, `On ${plural(items.length, "session")}, ${span(heard)}: ${plural(same, "clip")} as before.`),
    parts.filter(([name]) => sum(name).length).map(([name, tone, label]) =>
      h("div", {}, h("h3", { class: tone }, `${label}: ${plural(sum(name).length, "clip")}`), h("ul", { class: "stack tight small" }, items.flatMap((session) => session[name].map((each) => h("li", {}, range(each), h("span", { class: "soft" }, ` in ${streamOf(room, session.session)}`)))))),
    ),
    failed.map((each) => h("p", { class: "warn small" }, `${streamOf(room, each.session)}: ${each.error}`)),
  ];
}

const streamOf = (room, session) => room.streams.list.find((entry) => entry.stream.session === session)?.stream.name ?? session;

function range(each) {
  const now = each.after ?? each;
  const before = each.before ? `, was ${clock(each.before.start_s)} to ${clock(each.before.end_s)}` : "";
  return `${clock(now.start_s)} to ${clock(now.end_s)}${before}, ${score(now.p)}${now.reasons?.length ? `: ${now.reasons[0]}` : ""}`;
}

async function showTokens(view) {
  if (!view.room.isAdmin) return void fill(view.tokens, h("p", { class: "pad soft" }, "Admins see and make tokens."));
  try {
    const rows = (await all("tokens", {}, { signal: view.signal })).filter((each) => !each.revoked);
    fill(view.tokens, h("ul", { class: "list" }, rows.map((token) => tokenRow(view, token))));
  } catch (error) {
    if (error.name !== "AbortError") fill(view.tokens, h("div", { class: "pad" }, broken(error, "Tokens", () => showTokens(view))));
  }
}

function tokenRow(view, token) {
  const over = token.expires && new Date(token.expires) < new Date();
  const rotate = button("Rotate", async (from) => {
    const made = await busy(from, () => post(`tokens/${token.id}/rotate`, { overlap_s: OVERLAP_S }));
    if (!made) return;
    secretOnce("New secret", made.secret, "Shown this once. The old one is good for another day, so that programs can be changed one by one.");
    showTokens(view);
  }, { icon: "retry" });
  const drop = button("Revoke", async () => {
    if (!(await sure(`Revoke ${token.name}?`, "Whoever uses it is signed out at once. This cannot be undone.", "Revoke"))) return;
    try {
      await remove(`tokens/${token.id}`);
    } catch (error) {
      note(error.message, { tone: "bad" });
    }
    showTokens(view);
  }, { class: "danger" });
  const life = token.expires ? `${over ? "expired" : "until"} ${when(token.expires)}` : "does not expire";
  return h("li", {}, h("span", { class: "grow stack tight" }, h("span", { class: "row" }, h("span", { class: "strong cut" }, token.name), badge(token.role, over ? "bad" : "")), h("span", { class: "soft small" }, `made ${ago(token.created)}, ${token.last_used ? `used ${ago(token.last_used)}` : "never used"}, ${life}${token.scopes?.length ? `; ${token.scopes.join(", ")}` : ""}`)), rotate, drop);
}

function newToken(view) {
  dialog("New token", (body, close) => {
    const life = [["", "Does not expire"], [String(DAY_S), "A day"], [String(30 * DAY_S), "30 days"], [String(365 * DAY_S), "A year"]];
    body.append(
      form(
        [
          field("Name", h("input", { name: "name", required: true, maxLength: 80, placeholder: "wall" }), "Who or what uses it."),
          field("Role", Object.assign(select(rolesUpTo(view.room), "viewer"), { name: "role" })),
          field("Life", Object.assign(select(life, ""), { name: "life" })),
        ],
        "Make",
        async ({ name, role, life: seconds }) => {
          const made = await post("tokens", { name: name.trim(), role, ...(seconds ? { expires_in_s: Number(seconds) } : {}) });
          close();
          secretOnce("New token", made.secret, "Shown this once: only a hash is kept.");
          showTokens(view);
        },
      ),
    );
  });
}

async function showMembers(view) {
  if (!view.room.isAdmin) return void fill(view.members, h("p", { class: "pad soft" }, "Admins see and add members."));
  try {
    const rows = await all("members", {}, { signal: view.signal });
    fill(view.members, rows.length ? h("ul", { class: "list" }, rows.map((member) => memberRow(view, member))) : h("p", { class: "pad soft" }, "Nobody yet: people sign in with tokens. Add members to let them sign in by name and password."));
  } catch (error) {
    if (error.name !== "AbortError") fill(view.members, h("div", { class: "pad" }, broken(error, "Members", () => showMembers(view))));
  }
}

function memberRow(view, member) {
  const may = rolesUpTo(view.room);
  const role = select(may.includes(member.role) ? may : [member.role], member.role, async (value) => {
    await busy(null, () => patch(`members/${member.id}`, { role: value }));
    showMembers(view);
  }, `Role of ${member.name}`);
  role.disabled = !may.includes(member.role);
  const drop = button("Remove", async () => {
    if (!(await sure(`Remove ${member.name}?`, "Their sessions end at once.", "Remove"))) return;
    try {
      await remove(`members/${member.id}`);
    } catch (error) {
      note(error.message, { tone: "bad" });
    }
    showMembers(view);
  }, { class: "danger" });
  return h("li", {}, h("span", { class: "grow strong cut" }, member.name), h("div", {}, role), drop);
}

function newMember(view) {
  dialog("Add member", (body, close) => {
    body.append(
      form(
        [
          field("Name", h("input", { name: "name", required: true, maxLength: 80, autocomplete: "off", pattern: "[A-Za-z0-9][A-Za-z0-9._@+\\-]*" }), "Letters, digits and . _ @ + - only."),
          field("Role", Object.assign(select(rolesUpTo(view.room), "viewer"), { name: "role" })),
          field("Password", h("input", { name: "password", type: "password", required: true, minLength: 12, autocomplete: "new-password" }), "12 characters or more; say it to them in person."),
        ],
        "Add",
        async ({ name, role, password }) => {
          await post("members", { name: name.trim(), role, password });
          close();
          showMembers(view);
        },
      ),
    );
  });
}
