// Starts the control room: who is it, then the shell with its pages.
import { onSignedOut, whoAmI } from "./api.js";
import { h, fill } from "./dom.js";
import { listen } from "./keys.js";
import { shell } from "./shell.js";
import { signInPage } from "./pages/signin.js";
import { broken } from "./ui.js";

const app = document.getElementById("app");
let stop = () => {};

async function start() {
  stop();
  stop = () => {};
  try {
    const me = await whoAmI();
    if (me) stop = shell(app, me, start);
    else signInPage(app, start);
  } catch (error) {
    fill(app, h("main", { class: "signin" }, broken(error, "The control room", start)));
  }
}

onSignedOut(() => {
  stop();
  stop = () => {};
  signInPage(app, start, "You were signed out: the session has ended, or it was ended elsewhere.");
});
listen();
start();
