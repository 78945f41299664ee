// Small parts that every page uses: badges, notes, dialogs, empty and broken states.
import { told } from "./api.js";
import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";

/** Tells screen readers, and shows a note for a moment. `act`: {label, does} puts a button into it. */
export function note(text, { tone = "", act = null, ms = 5000 } = {}) {
  let shelf = document.querySelector(".notes");
  if (!shelf) {
    shelf = h("div", { class: "notes" });
    document.body.append(shelf);
  }
  const close = () => card.remove();
  const card = h(
    "div",
    { class: `note ${tone}` },
    h("span", { class: "grow" }, text),
    act && h("button", { class: "quiet", type: "button", on: { click: () => { close(); act.does(); } } }, act.label),
    h("button", { class: "quiet square", type: "button", "aria-label": "Dismiss", on: { click: close } }, icon("cross")),
  );
  shelf.append(card);
  while (shelf.children.length > 3) shelf.firstChild.remove();
  announce(text);
  setTimeout(close, tone === "bad" ? ms * 2 : ms);
}

/** For screen readers only. */
export function announce(text) {
  say(document.getElementById("said"), text);
}

/** Does something that asks the server, with the button out of use meanwhile; says what went wrong. Gives what `does`
 * gave, or undefined. */
export async function busy(button, does) {
  if (button?.disabled) return undefined;
  if (button) {
    button.disabled = true;
    button.classList.add("busy");
  }
  try {
    return await does();
  } catch (error) {
    if (error.name !== "AbortError") note(told(error), { tone: "bad" });
    return undefined;
  } finally {
    if (button) {
      button.disabled = false;
      button.classList.remove("busy");
    }
  }
}

/** A button. `options`: icon, class, key (shown), title, disabled. `does` gets the button. */
export function button(label, does, { icon: name, key, class: look = "", title, disabled = false, bare = false } = {}) {
  const made = h(
    "button",
    { type: "button", class: bare ? `square quiet ${look}` : look, title: title ?? (bare ? label : null), disabled },
    name && icon(name),
    bare ? h("span", { class: "unseen" }, label) : label,
    key && h("kbd", { "aria-hidden": "true" }, key),
  );
  made.addEventListener("click", () => does(made));
  return made;
}

/** A badge: tone is good, warn, bad, accent or "". */
export const badge = (text, tone = "") => h("span", { class: `badge ${tone}` }, text);

/** A dot and a word. */
export const state = (text, tone) => h("span", { class: `state ${tone}` }, h("i", { "aria-hidden": "true" }), text);

/** Nothing here yet, and what to do about it. */
export function empty(title, text, ...more) {
  return h("div", { class: "empty" }, h("h2", {}, title), h("p", { class: "soft" }, text), more.length > 0 && h("div", { class: "row wrap" }, more));
}

/** Something could not be had, and what to do about it. `what`: "Channels". */
export function broken(error, what, retry) {
  if (error.isMissing) return missing(what);
  const title = error.isAway ? "No answer from the server" : error.status === 403 ? "Not yours to see" : `${what} could not be loaded`;
  const text = error.status === 403 ? `${what}: ask somebody who may, or sign in with another token. ${error.message}` : told(error);
  return h(
    "div",
    { class: "empty", role: "alert" },
    h("h2", {}, title),
    h("p", { class: "soft" }, text),
    error.trace && h("p", { class: "small soft" }, "The log has it under ", h("code", {}, error.trace)),
    retry && error.status !== 403 && h("div", { class: "row" }, button("Try again", retry, { icon: "retry" })),
  );
}

/** The server has no such endpoint. */
export const missing = (what) => empty(`${what}: not on this server`, "This server answers no such question: it is an older version, or this part is switched off. The rest of the page works without it.");

/** Grey boxes of the right size while something loads. */
export const loading = (rows = 4, look = "line") => h("div", { class: "stack", "aria-busy": "true", "aria-label": "Loading" }, Array.from({ length: rows }, () => h("div", { class: `ghost ${look}` })));

/** A dialog. `build(body, close)` fills it; gives its element. */
export function dialog(title, build, { wide = false } = {}) {
  const before = document.activeElement;
  const box = h("dialog", { class: wide ? "wide" : "", "aria-label": title });
  const close = () => box.close();
  const body = h("div", { class: "dialog-body stack" });
  put(
    box,
    h("header", { class: "row apart" }, h("h2", {}, title), button("Close", close, { icon: "cross", bare: true })),
    body,
  );
  box.addEventListener("close", () => {
    box.remove();
    if (before?.isConnected) before.focus();
  });
  box.addEventListener("click", (event) => event.target === box && close());
  document.body.append(box);
  build(body, close);
  box.showModal();
  return box;
}

/** Asks before something that cannot be undone; true for yes. */
export function sure(title, text, yes) {
  return new Promise((answer) => {
    let said = false;
    const box = dialog(title, (body, close) => {
      const agree = () => { said = true; close(); };
      body.append(h("p", {}, text), h("div", { class: "row end" }, button("Cancel", close), button(yes, agree, { class: "danger" })));
    });
    box.addEventListener("close", () => answer(said));
  });
}

/** A labelled control. */
export const field = (label, control, hint) => h("label", { class: "field" }, h("span", {}, label), control, hint && h("span", { class: "hint" }, hint));

/** A select of [value, label] pairs, or plain values. */
export function select(options, value, does, label) {
  const made = h(
    "select",
    { "aria-label": label },
    options.map((each) => {
      const [code, text] = Array.isArray(each) ? each : [each, each];
      return h("option", { value: code, selected: code === value }, text);
    }),
  );
  if (does) made.addEventListener("change", () => does(made.value));
  return made;
}

/** A form whose submit asks the server; shows what is wrong in it. `does(values)` gets the named fields. */
export function form(fields, submit, does) {
  const problem = h("p", { class: "bad small problem", role: "alert" });
  const go = h("button", { class: "primary", type: "submit" }, submit);
  const made = h("form", { class: "stack" }, fields, problem, h("div", { class: "row end" }, go));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    say(problem, "");
    try {
      await does(Object.fromEntries(new FormData(made)), made);
    } catch (error) {
      say(problem, told(error));
    } finally {
      go.disabled = false;
    }
  });
  return made;
}

/** Shows a secret that is shown this once. */
export function secretOnce(title, secret, why) {
  dialog(title, (body) => {
    const shown = h("input", { value: secret, readOnly: true, class: "mono", "aria-label": title });
    shown.addEventListener("focus", () => shown.select());
    const copy = button("Copy", async () => {
      shown.select();
      try {
        await navigator.clipboard.writeText(secret);
        note("Copied.");
      } catch {
        note("Copy it with your keyboard: this page is not served over HTTPS.");
      }
    });
    body.append(h("p", {}, why), h("div", { class: "row" }, shown, copy));
  });
}
