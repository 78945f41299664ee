// The door: a name, what is recorded and where it goes; nothing of the device is opened before that was agreed to.
import { fill, h, say } from "../js/dom.js";
import { icon } from "../js/icons.js";
import { button, field, loading } from "../js/ui.js";
import { keep, recall } from "./keep.js";
import { Membership, notice, toldOf } from "./membership.js";
import { plainPage, uploadCard } from "./parts.js";
import { canRecord } from "./recorder.js";

const LONGEST_NAME = 60;

/** Shows the door of `link` {room, secret}; `done(membership)` once it has opened. */
export async function gate(app, { link, store, signal, done }) {
  const resume = uploadCard(store, link.room, signal, { isQuiet: true });
  const body = h("div", { class: "stack" }, loading(4));
  fill(app, plainPage("Join the recording", resume, body));
  const problem = unable(link);
  if (problem) return void fill(body, trouble("This cannot be joined here", problem));
  try {
    fill(body, form(link, await notice(link.room), done));
    if (resume.hidden) body.querySelector("input").focus();
  } catch (error) {
    fill(body, trouble("The room cannot be reached", toldOf(error), button("Try again", () => gate(app, { link, store, signal, done }), { icon: "retry" })));
  }
}

/** Why this page cannot record, or "". */
function unable({ room, secret }) {
  if (!room || !secret) return "The link is not complete: its end, after the # sign, is missing. Open the whole link, or ask the host for it again.";
  if (!window.isSecureContext) return "Browsers give camera and microphone only to pages over HTTPS. Ask the host for a link that begins with https.";
  if (!navigator.mediaDevices || !canRecord()) return "This browser cannot record. Open the link in a current Chrome, Edge, Firefox or Safari.";
  return "";
}

const trouble = (title, text, ...acts) => h("div", { class: "card", role: "alert" }, h("div", { class: "pad stack" }, h("h2", {}, title), h("p", { class: "soft" }, text), acts.length > 0 && h("div", { class: "row" }, acts)));

function form({ room, secret }, { text, sha256 }, done) {
  const name = h("input", { name: "name", required: true, maxLength: LONGEST_NAME, autocomplete: "name", value: recall("name") ?? "", placeholder: "As the others should see it" });
  const agree = h("input", { type: "checkbox", name: "agree", checked: recall(`agreed.${room}`, "sessionStorage") === sha256 });
  const problem = h("p", { class: "bad small problem", role: "alert" });
  const go = h("button", { type: "submit", class: "primary big" }, "Continue");
  const ready = () => { go.disabled = !agree.checked || !name.value.trim(); };
  const made = h(
    "form",
    { class: "card gate", on: { input: ready } },
    h("div", { class: "pad stack" }, field("Your name", name)),
    h(
      "section",
      { class: "pad stack consent" },
      h("h2", { class: "row" }, icon("shield"), "You will be recorded"),
      h("p", { class: "notice" }, text),
      h("label", { class: "check" }, agree, h("span", {}, "I have read this and agree to be recorded")),
    ),
    h("div", { class: "pad stack" }, problem, go, h("p", { class: "hint" }, "Camera and microphone stay off until you continue. The host lets you in, and you see when a recording runs.")),
  );
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    say(problem, "");
    keep("name", name.value.trim());
    try {
      const membership = await Membership.join({ room, secret, name: name.value.trim(), sha256 });
      keep(`agreed.${room}`, sha256, "sessionStorage");
      done(membership);
    } catch (error) {
      say(problem, toldOf(error));
      ready();
    }
  });
  ready();
  return made;
}
