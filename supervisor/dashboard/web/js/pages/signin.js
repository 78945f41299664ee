// Sign in: with a token, or with a name and a password.
import { signIn, told } from "../api.js";
import { fill, h, say } from "../dom.js";
import { mark } from "../icons.js";
import { field } from "../ui.js";

/** Fills `app`; `done` is called once somebody is signed in. */
export function signInPage(app, done, why = "") {
  let byToken = true;
  document.title = "Sign in · clipd";
  const problem = h("p", { class: "problem small bad", role: "alert" }, why);
  const token = h("input", { name: "token", type: "password", autocomplete: "current-password", required: true, placeholder: "cd_…", spellcheck: false });
  const name = h("input", { name: "name", autocomplete: "username", required: true });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const workspace = h("input", { name: "workspace", value: "default", autocomplete: "organization" });
  const fields = h("div", { class: "stack" });
  const other = h("button", { type: "button", class: "quiet" });
  const go = h("button", { type: "submit", class: "primary" }, "Sign in");

  const show = () => {
    fill(
      fields,
      byToken
        ? field("Token", token, "The owner token was printed at the first start and lies in the file owner-token of the data folder.")
        : [field("Name", name), field("Password", password, "Set by an admin under Settings, Members."), h("details", {}, h("summary", { class: "soft small" }, "Another workspace"), field("Workspace", workspace))],
    );
    say(other, byToken ? "Use a name and password" : "Use a token");
    (byToken ? token : name).focus();
  };
  other.addEventListener("click", () => {
    byToken = !byToken;
    say(problem, "");
    show();
  });

  const form = h("form", {}, h("div", { class: "brand" }, mark(), "clipd"), h("h1", {}, "Control room"), fields, problem, h("div", { class: "row apart" }, go, other));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    say(problem, "");
    try {
      await signIn(byToken ? { token: token.value.trim() } : { name: name.value.trim(), password: password.value, workspace: workspace.value.trim() || "default" });
      done();
    } catch (error) {
      say(problem, error.status === 401 ? "That is not right. Check for a missing character; revoked and expired ones are refused too." : told(error));
      go.disabled = false;
      (byToken ? token : password).select();
    }
  });
  fill(app, h("main", { class: "signin", id: "main" }, form));
  show();
}
