// Where alerts go: targets, what was delivered, what could not be.
import { all, patch, post, remove } from "../api.js";
import { every, fill, h, say } from "../dom.js";
import { ago, score, span, words } from "../format.js";
import { bind } from "../keys.js";
import { badge, broken, busy, button, dialog, empty, field, form, loading, note, secretOnce, select, sure } from "../ui.js";

const LOOK_MS = 10_000;
const KINDS = [["discord", "Discord"], ["slack", "Slack"], ["webhook", "Webhook"], ["apprise", "Something else"]];
const TARGETS = {
  discord: ["Webhook address", "https://discord.com/api/webhooks/…", "Channel settings, Integrations, Webhooks. The film is attached, up to 10 MB."],
  slack: ["Bot token and channel, or a webhook address", "xoxb-…#channel", "A bot can edit its message and attach the film; a plain webhook address gets text only."],
  webhook: ["Address", "https://example.org/hook", "Signed as Standard Webhooks say, tried again for three days."],
  apprise: ["Apprise address", "tgram://bottoken/chat", "Telegram, Matrix, mail and a hundred more, by apprise."],
};
const TONES = { sent: "good", dead: "bad", waiting: "accent" };

export async function show(room, root, _id, signal) {
  const body = h("div", { class: "stack" }, loading(3, "card-line"));
  const view = { room, body, signal, opened: null };
  view.look = () => look(view);
  const add = room.isAdmin && button("Add channel", () => edit(view), { icon: "plus", class: "primary", key: "a" });
  fill(root, h("header", { class: "page-head" }, h("h1", {}, "Channels"), add), body);
  bind([["a", "Add a channel", () => room.isAdmin && edit(view)]], signal);
  every(LOOK_MS, view.look, signal);
}

async function look(view) {
  const { body, signal, room } = view;
  try {
    const channels = await all("channels", {}, { signal });
    const sign = JSON.stringify(channels);
    if (sign === view.sign) return;
    view.sign = sign;
    if (!channels.length) {
      fill(body, empty(
        "Nobody is told yet",
        "Add a channel, and every clip over its score is told there within seconds: first as text, then the same message is edited when the film is ready, or taken back when the clip is.",
        room.isAdmin ? button("Add channel", () => edit(view), { icon: "plus", class: "primary" }) : null,
      ));
      return;
    }
    fill(body, channels.map((channel) => card(view, channel)));
  } catch (error) {
    if (error.name !== "AbortError" && !view.sign) fill(body, broken(error, "Channels", view.look));
  }
}

function card(view, channel) {
  const { room } = view;
  const told = h("div", {});
  const toggle = button("Deliveries", () => deliveries(view, channel, told));
  const acts = room.isAdmin
    ? [
        button("Send a test", async (from) => {
          const done = await busy(from, () => post(`channels/${channel.id}/test`));
          if (done) note(`${done.ok ? "It came through" : "It did not come through"}, after ${span(done.took_s)}. ${done.what}`, { tone: done.ok ? "good" : "bad" });
        }, { icon: "send" }),
        button(channel.enabled ? "Switch off" : "Switch on", async (from) => {
          await busy(from, () => patch(`channels/${channel.id}`, { enabled: !channel.enabled }));
          view.look();
        }),
        channel.kind === "webhook" && button("Rotate", (from) => rotate(channel, from), { icon: "retry" }),
        button("Edit", () => edit(view, channel)),
        button("Delete", () => erase(view, channel), { icon: "trash", bare: true, class: "danger" }),
      ]
    : [];
  return h(
    "section",
    { class: "card" },
    h("header", { class: "row wrap" }, h("h2", { class: "cut" }, channel.name), badge(words(channel.kind)), badge(channel.enabled ? "on" : "off", channel.enabled ? "good" : ""), h("span", { class: "grow" }), toggle, acts),
    h("div", { class: "pad stack tight" }, h("p", { class: "mono small cut" }, channel.target), h("p", { class: "soft small" }, filters(channel.filters ?? {})), channel.reason && h("p", { class: "bad small" }, `Switched off: ${words(channel.reason)}`), channel.notes.map((each) => h("p", { class: "warn small" }, each))),
    told,
  );
}

function filters({ min_score: least, profiles, streams, states }) {
  const parts = [least > 0 ? `score ${score(least)} and up` : "every score"];
  if (profiles?.length) parts.push(`profiles ${profiles.join(", ")}`);
  if (streams?.length) parts.push(`${streams.length} streams`);
  if (states?.length) parts.push(states.map(words).join(", "));
  return `Told of: ${parts.join("; ")}.`;
}

async function deliveries(view, channel, host) {
  if (host.childElementCount) return void fill(host);
  fill(host, h("div", { class: "pad" }, loading(3)));
  const again = async () => {
    try {
      const rows = await all(`channels/${channel.id}/deliveries`, {}, { most: 50, signal: view.signal });
      fill(host, rows.length ? h("ul", { class: "list" }, rows.map((each) => delivery(view, each, again))) : h("p", { class: "pad soft" }, "Nothing was sent yet."));
    } catch (error) {
      if (error.name !== "AbortError") fill(host, h("div", { class: "pad" }, broken(error, "Deliveries", again)));
    }
  };
  await again();
}

function delivery({ room }, each, again) {
  const replay = room.mayEdit && each.state === "dead" && button("Send again", async (from) => {
    await busy(from, () => post(`deliveries/${each.id}/replay`));
    again();
  }, { icon: "retry" });
  return h(
    "li",
    {},
    badge(words(each.state), TONES[each.state] ?? ""),
    h("span", { class: "grow stack tight" }, h("span", {}, words(each.kind), " ", h("a", { href: `#/clips/${each.clip}` }, each.clip)), each.error && h("span", { class: "bad small" }, words(each.error))),
    h("span", { class: "soft small nowrap" }, `${each.attempts > 1 ? `try ${each.attempts}, ` : ""}${ago(each.sent ?? each.created)}`),
    replay,
  );
}

async function rotate(channel, from) {
  const made = await busy(from, () => post(`channels/${channel.id}/rotate`, { overlap_h: 24 }));
  if (made) secretOnce("New signing secret", made.secret, "Shown this once. Messages carry the old signature too for a day.");
}

async function erase(view, channel) {
  if (!(await sure(`Delete ${channel.name}?`, "Nothing more is sent there; messages that were sent stay.", "Delete"))) return;
  try {
    await remove(`channels/${channel.id}`);
  } catch (error) {
    note(error.message, { tone: "bad" });
  }
  view.look();
}

function edit(view, channel = null) {
  dialog(channel ? "Edit channel" : "Add channel", (body, close) => {
    const kind = select(KINDS, channel?.kind ?? "discord", () => showTarget(), "Kind");
    const target = h("input", { name: "target", required: !channel, autocomplete: "off", spellcheck: false });
    const label = h("span", {});
    const hint = h("span", { class: "hint" });
    const showTarget = () => {
      const [text, example, about] = TARGETS[kind.value];
      say(label, text);
      say(hint, channel ? `${about} Leave it empty to keep it.` : about);
      target.placeholder = example;
    };
    showTarget();
    const least = h("input", { name: "least", type: "number", min: 0, max: 100, step: 1, value: Math.round((channel?.filters?.min_score ?? 0) * 100) });
    kind.disabled = Boolean(channel);
    body.append(
      form(
        [
          field("Kind", kind),
          field("Name", h("input", { name: "name", required: true, value: channel?.name ?? "", maxLength: 80 })),
          h("label", { class: "field" }, label, target, hint),
          field("Least score, out of 100", least),
        ],
        channel ? "Save" : "Add",
        async ({ name, target: where, least: from }) => {
          const wanted = { name: name.trim(), filters: { ...(channel?.filters ?? {}), min_score: Number(from) > 0 ? Number(from) / 100 : null } };
          if (where.trim()) wanted.target = where.trim();
          const made = channel ? await patch(`channels/${channel.id}`, wanted) : await post("channels", { ...wanted, kind: kind.value });
          close();
          if (made.secret) secretOnce("Signing secret", made.secret, "The receiver checks with it that a message is ours. It is shown this once.");
          view.look();
        },
      ),
    );
  });
}
