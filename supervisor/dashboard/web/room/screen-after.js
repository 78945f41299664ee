// After the call: stay until everything is uploaded. Says "safe to close" only when the server has checked it all.
import { fill, h, say } from "../js/dom.js";
import { announce, button } from "../js/ui.js";
import { sentenceOf } from "./membership.js";
import { plainPage, uploadCard } from "./parts.js";

const WHY = {
  left: ["You have left the room", ""],
  kicked: ["The host has removed you", "What was recorded of you until then is still uploaded."],
  denied: ["You were not let in", "The host has said no. Ask them if you think that was a mistake."],
  elsewhere: ["This room is open in another tab", "Go on there: one tab at a time records."],
};

/** Shows it until `signal` aborts. */
export function after(app, { store, room, why, signal, again }) {
  const [title, text] = WHY[why] ?? ["You are not in the room any more", sentenceOf(why) || "The room was closed, or your link has run out."];
  const stay = h("p", { class: "stay", role: "status" });
  let was = false;
  const told = ({ isSafe, of }) => {
    say(stay, isSafe ? "" : "Stay on this page until the upload is done.");
    stay.hidden = isSafe;
    document.title = isSafe ? "Safe to close · clipd" : `${of.left} left · clipd`;
    if (isSafe && !was && of.made) announce("Your recording is uploaded and checked. It is safe to close this page.");
    was = isSafe;
  };
  const card = uploadCard(store, room, signal, { told });
  fill(app, plainPage(title, text && h("p", { class: "soft" }, text), stay, card, h("div", { class: "row" }, again && button("Join again", again, { icon: "retry" }))));
}
