// Beside a clip: the verdict, why it was cut, and everything that can be made of it.
import { all, post, remove } from "./api.js";
import { judge, ordered, partBars } from "./clipview.js";
import { fill, h, ownUrl } from "./dom.js";
import { ago, clock, score, words } from "./format.js";
import { badge, button, busy, dialog, field, note, select, sure } from "./ui.js";

const LAYOUTS = [["auto", "Automatic"], ["track", "Follow the face"], ["split", "Split"], ["game_facecam", "Game and facecam"], ["screen_speaker", "Screen and speaker"], ["fit", "Whole picture, blurred edges"], ["centre", "Centre"]];
const STYLES = [["highlight_word", "Highlighted word"], ["karaoke", "Karaoke"], ["pop_in", "Pop in"], ["typewriter", "Typewriter"], ["bounce", "Bounce"], ["boxed_word", "Boxed word"], ["plain", "Plain"], ["off", "No captions"]];
const FORMATS = ["vertical", "square", "portrait", "wide", "tiktok", "reels", "shorts", "x", "linkedin", "discord"];
const FILE_NAMES = { master: "Master", vertical: "Vertical", thumbnail: "Picture", srt: "Captions, SRT", vtt: "Captions, WebVTT", ass: "Captions, ASS", otio: "Timeline, OTIO", fcpxml: "Timeline, FCPXML", edl: "Timeline, EDL", clip: "Recipe, JSON" };

export function verdict(room, clip) {
  const make = (review, label, name, key, look) => {
    const made = button(label, () => judge(room, clip, review), { icon: name, key, class: `${look} ${clip.review === review ? "is-on" : ""}` });
    made.setAttribute("aria-pressed", String(clip.review === review));
    return made;
  };
  if (!room.mayEdit) return null;
  return h("div", { class: "verdict" }, make("approved", "Approve", "check", "y", "yes"), make("rejected", "Reject", "cross", "n", "no"));
}

/** Score, reasons in words, and what each family gave. `moment`: of GET moments, or null. */
export function why(clip, moment) {
  const { line } = clip;
  const { rank } = line;
  const reasons = rank?.reasons?.length ? rank.reasons : (line.reasons ?? []);
  const bar = moment && Number.isFinite(moment.bar) ? `over a bar of ${score(moment.bar)}` : "";
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Why it was cut"),
    h(
      "div",
      { class: "pad stack" },
      h("p", { class: "big-score" }, h("b", {}, score(clip.score)), h("span", { class: "soft" }, `of 100 ${bar}`)),
      reasons.length ? h("ul", { class: "reasons" }, reasons.map((each) => h("li", {}, String(each)))) : h("p", { class: "soft" }, "Cut by hand: no reasons were needed."),
      rank && rankRows(rank),
      moment?.parts && Object.keys(moment.parts).length > 0 && [h("h3", {}, "Evidence by family"), partBars(moment.parts)],
      line.latency_s > 0 && h("p", { class: "soft small" }, `Playable ${line.latency_s.toFixed(1)} s after its last frame.`),
      (line.notes ?? []).map((each) => h("p", { class: "small warn" }, String(each))),
    ),
  );
}

function rankRows(rank) {
  const names = ["virality", "hook", "emotion", "topic", "completeness", "visual"].filter((name) => Number.isFinite(rank[name]));
  const said = { heuristic: "Ranked without a language model", unavailable: "The language model did not answer: ranked without it", budget: "The budget for language models is spent: ranked without it" };
  return [
    said[rank.state] && h("p", { class: "small soft" }, said[rank.state]),
    names.length > 0 && h("div", { class: "parts" }, names.map((name) => [h("span", {}, name), h("span", { class: "meter", vars: { "--part": rank[name] / 100, "--bar": -1 } }, h("i")), h("span", { class: "num" }, Math.round(rank[name]))])),
    rank.description && h("p", {}, String(rank.description)),
    rank.hashtags?.length > 0 && h("p", { class: "soft" }, rank.hashtags.map((each) => `#${String(each).replace(/^#/, "")}`).join(" ")),
    rank.model && h("p", { class: "soft small" }, `By ${rank.model}, prompt ${rank.prompt ?? "unnamed"}`),
  ];
}

/** Formats, layout, captions; a job is made of them. */
export function renderCard(room, clip, reload) {
  if (!room.mayEdit) return null;
  const format = select(FORMATS, "vertical", null, "Format");
  const layout = select([["", "As it is"], ...LAYOUTS], "", null, "Layout");
  const captions = select([["", "As they are"], ...STYLES], "", null, "Captions");
  const go = button("Render", async (from) => {
    const body = { formats: [format.value] };
    if (layout.value) body.layout = layout.value;
    if (captions.value) body.captions = captions.value;
    const job = await busy(from, () => post(`clips/${clip.id}/render`, body));
    if (!job) return;
    note("Rendering. The file appears here when it is complete.", { tone: "good" });
    reload();
  }, { icon: "retry" });
  const renders = clip.renders ?? [];
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Render again"),
    h(
      "div",
      { class: "pad stack" },
      h("div", { class: "halves" }, field("Format", format), field("Layout", layout), field("Captions", captions)),
      h("div", { class: "row end" }, go),
      renders.length > 0 && h("ul", { class: "stack tight small" }, renders.slice(0, 4).map((job) => h("li", { class: "row apart" }, h("span", { class: "cut" }, ordered(job)), jobBadge(job)))),
    ),
  );
}

const jobBadge = (job) => badge(job.error ? words(job.error) : words(job.state), job.state === "completed" ? "good" : job.state === "failed" ? "bad" : "accent");

/** Every file there is, each by a link that expires. */
export function filesCard(room, clip) {
  const links = Object.entries(clip.files ?? {}).filter(([, url]) => ownUrl(url));
  const download = (url) => `${url}${url.includes("?") ? "&" : "?"}download=1`;
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Files"),
    h(
      "div",
      { class: "pad stack" },
      links.length
        ? h("div", { class: "files" }, links.map(([name, url]) => [h("span", { class: "cut" }, FILE_NAMES[name] ?? words(name)), h("a", { class: "button", href: download(url), download: "" }, "Download")]))
        : h("p", { class: "soft" }, "This server gives no links to files."),
      room.mayEdit && h("div", { class: "row wrap" }, button("Publish", () => publish(clip), { icon: "send" }), button("Delete", () => erase(room, clip), { icon: "trash", class: "danger" })),
    ),
  );
}

async function erase(room, clip) {
  if (!(await sure("Delete this clip?", "Its files, source and recipe are deleted. This cannot be undone.", "Delete"))) return;
  try {
    await remove(`clips/${clip.id}`);
    room.clips.drop(clip.id);
    note("Deleted.");
    location.hash = "#/clips";
  } catch (error) {
    note(error.message, { tone: "bad" });
  }
}

function publish(clip) {
  dialog("Publish", async (body, close) => {
    let channels;
    try {
      channels = (await all("channels")).filter((each) => each.enabled);
    } catch (error) {
      body.append(h("p", {}, error.isMissing ? "This server has no channels yet." : error.message));
      return;
    }
    if (!channels.length) return void body.append(h("p", {}, "There is no channel that is switched on."), h("a", { class: "button", href: "#/channels", on: { click: close } }, "Go to Channels"));
    const boxes = channels.map((channel) => h("label", { class: "check" }, h("input", { type: "checkbox", value: channel.id, checked: true }), channel.name, badge(channel.kind)));
    const go = button("Publish", async (from) => {
      const wanted = boxes.map((each) => each.firstChild).filter((each) => each.checked).map((each) => each.value);
      if (!wanted.length) return void note("Choose a channel.", { tone: "warn" });
      const done = await busy(from, () => post(`clips/${clip.id}/publish`, { channels: wanted }));
      if (done === undefined) return;
      close();
      note("On its way. Channels shows what became of it.", { tone: "good" });
    }, { class: "primary", icon: "send" });
    body.append(h("p", { class: "soft" }, "Streams with the right watch-only are never published."), h("div", { class: "stack" }, boxes), h("div", { class: "row end" }, go));
  });
}

/** What was finished under this id, the newest first. */
export function revisionsCard(clip) {
  const rows = [...(clip.revisions ?? [])].reverse();
  if (rows.length < 2) return null;
  return h(
    "section",
    { class: "card" },
    h("h2", {}, `Revisions (${rows.length})`),
    h("ol", { class: "list" }, rows.map((each) => h("li", {}, badge(`r${each.revision}`, each.revision === clip.revision ? "accent" : ""), h("span", { class: "grow" }, `${clock(each.line.start_s)} to ${clock(each.line.end_s)}`), h("span", { class: "soft small" }, `${each.state}, ${ago(each.created)}`)))),
  );
}

/** "trimmed", "revised by the stream" and so on are facts of the newest revision. */
export function aboutCard(room, clip) {
  const rows = [["Stream", room.streams.name(clip.stream)], ["Media time", `${clock(clip.line.start_s)} to ${clock(clip.line.end_s)}`], ["Cut", ago(clip.created)], ["Id", clip.id]];
  const made = h("dl", { class: "facts two" });
  return fill(made, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "cut small", title: value }, value))));
}
