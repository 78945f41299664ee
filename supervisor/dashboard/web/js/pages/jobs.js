// Recordings that are clipped, and clips that are rendered again.
import { all, post, remove } from "../api.js";
import { every, fill, h, say } from "../dom.js";
import { ago, plural, span, words } from "../format.js";
import { ordered } from "../clipview.js";
import { bind } from "../keys.js";
import { upload } from "../upload.js";
import { badge, broken, busy, button, dialog, empty, field, form, loading, note, select } from "../ui.js";

const LOOK_MS = 3000;
const OVER = ["completed", "failed", "cancelled"];
const TONES = { completed: "good", failed: "bad", cancelled: "" };

export async function show(room, root, _id, signal) {
  const count = h("p", { class: "soft small" });
  const body = h("div", {}, loading(4, "card-line"));
  const add = room.mayEdit && button("Clip a recording", () => addJob(look), { icon: "plus", class: "primary", key: "a" });
  fill(root, h("header", { class: "page-head" }, h("h1", {}, "Jobs"), count, add), body);
  let before = "";
  const look = async () => {
    try {
      const jobs = await all("jobs", {}, { most: 400, signal });
      const sign = JSON.stringify(jobs);
      if (sign === before) return;
      before = sign;
      const active = jobs.filter((job) => !OVER.includes(job.state)).length;
      say(count, jobs.length ? `${plural(active, "active", "active")} of ${jobs.length}` : "");
      fill(body, jobs.length ? h("div", { class: "card" }, jobs.map((job) => row(room, job, look))) : nothing(room, look));
    } catch (error) {
      if (error.name === "AbortError" || before) return;
      fill(body, broken(error, "Jobs", look));
    }
  };
  every(LOOK_MS, look, signal);
  bind([["a", "Clip a recording", () => room.mayEdit && addJob(look)]], signal);
}

function row(room, job, look) {
  const what = job.kind === "recording" ? job.source || "Upload" : ordered(job);
  const acts = [];
  if (job.clip) acts.push(h("a", { class: "button", href: `#/clips/${job.clip}` }, "Clip"));
  if (room.mayEdit && !OVER.includes(job.state)) acts.push(button(job.cancel ? "Cancelling" : "Cancel", (from) => busy(from, () => remove(`jobs/${job.id}`)).then(look), { disabled: job.cancel }));
  if (room.mayEdit && job.kind === "recording" && ["failed", "cancelled"].includes(job.state)) acts.push(button("Retry", (from) => busy(from, () => post(`jobs/${job.id}/retry`)).then(look), { icon: "retry" }));
  return h(
    "article",
    { class: "job" },
    h("div", { class: "row apart wrap" }, h("h3", { class: "cut grow", title: what }, what), badge(words(job.state), TONES[job.state] ?? "accent"), acts),
    h("ol", { class: "steps" }, job.steps.map(step)),
    h("p", { class: "soft small" }, [`${ago(job.created)}`, job.ended && `took ${span((new Date(job.ended) - new Date(job.created)) / 1000)}`, job.id].filter(Boolean).join(" · ")),
    job.error && h("p", { class: "bad small" }, `${job.message || words(job.error)}${job.kind === "recording" ? ". Retry goes on at the step that failed." : ""}`),
  );
}

function step({ name, state, progress, attempts, started, ended, error }) {
  const part = state === "done" ? 1 : Math.max(0, Math.min(1, progress));
  const tone = { done: "good", failed: "bad", cancelled: "warn" }[state] ?? "";
  const took = started && ended ? span((new Date(ended) - new Date(started)) / 1000) : state === "running" ? `${Math.round(part * 100)} %` : words(state);
  return h("li", { title: error || null }, h("span", {}, name, " ", h("span", { class: "soft" }, took, attempts > 1 ? `, try ${attempts}` : "")), h("span", { class: `meter ${tone}`, vars: { "--part": part, "--bar": -1 } }, h("i")));
}

function nothing(room, look) {
  return empty(
    "No jobs yet",
    "A recording becomes clips as fast as this machine allows: give its address, or upload a file of up to 10 GB. A broken upload goes on where it was.",
    room.mayEdit ? button("Clip a recording", () => addJob(look), { icon: "plus", class: "primary" }) : null,
  );
}

function addJob(look) {
  dialog("Clip a recording", (body, close) => {
    const profile = select([["default", "As the settings say"], "gaming", "podcast", "sports", "irl"], "default", null, "Profile");
    const options = () => ({ ...(profile.value === "default" ? {} : { profile: profile.value }) });
    const done = () => {
      close();
      note("The job has begun. Its clips appear under Clips as they are found.", { tone: "good" });
      look();
    };
    const byUrl = form(
      [field("Address of the recording", h("input", { name: "url", type: "url", required: true, placeholder: "https://example.org/talk.mp4", spellcheck: false }))],
      "Clip it",
      async ({ url }) => {
        await post("jobs", { source_url: url.trim(), ...options() });
        done();
      },
    );
    body.append(field("Profile", profile), byUrl, h("p", { class: "soft small" }, "or a file of this machine"), dropZone(body, options, done));
  });
}

function dropZone(body, options, done) {
  const file = h("input", { type: "file", accept: "video/*,audio/*", "aria-label": "File" });
  const zone = h("div", { class: "drop" }, h("p", {}, "Drop a file here, or choose one."), file);
  const send = async (chosen) => {
    const stop = new AbortController();
    const meter = h("div", { class: "meter", role: "progressbar", "aria-label": "Upload", "aria-valuemin": 0, "aria-valuemax": 100, vars: { "--part": 0, "--bar": -1 } }, h("i"));
    const text = h("p", { class: "small", role: "status" }, chosen.name);
    const progress = (part) => {
      meter.style.setProperty("--part", part);
      meter.setAttribute("aria-valuenow", Math.round(part * 100));
      say(text, `${chosen.name}: ${Math.round(part * 100)} %`);
    };
    body.closest("dialog").addEventListener("close", () => stop.abort());
    fill(zone, text, h("div", { class: "drop-meter" }, meter));
    try {
      const id = await upload(chosen, { progress, signal: stop.signal });
      await post("jobs", { upload: id, ...options() });
      done();
    } catch (error) {
      if (error.name === "AbortError") return;
      file.value = ""; // the same file chosen again is a change then
      fill(zone, h("p", { class: "bad", role: "alert" }, error.isMissing ? "This server takes no uploads." : `${error.message} Choose the same file again to go on where it stopped.`), file);
    }
  };
  file.addEventListener("change", () => file.files[0] && send(file.files[0]));
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files[0]) send(event.dataTransfer.files[0]);
  });
  return zone;
}
