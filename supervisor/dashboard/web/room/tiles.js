// The pictures of the room: one tile a person, one a shared screen.
import { fill, h, say } from "../js/dom.js";
import { icon } from "../js/icons.js";
import { keyed } from "./keyed.js";
import { levelMeter } from "./parts.js";

const SPEAKS = 0.03; // rms of a voice
const STAYS_MS = 2500; // before another one counts as the speaker

/** {element, show}: the stage of `studio`. */
export function stage(studio) {
  const element = h("div", { class: "stage", "aria-label": "Participants" });
  const alone = h("p", { class: "stage-note" }, "You are the only one here. The others appear as soon as they have come in.");
  const sound = h("div", { hidden: true });
  const speaker = { key: "", since: -Infinity };
  const show = () => {
    const tiles = tilesOf(studio);
    const big = bigOf(studio, tiles, speaker);
    const isSplit = studio.layout === "split" || studio.layout === "grid" || !big;
    element.dataset.layout = isSplit ? "grid" : "big";
    element.dataset.count = String(Math.min(tiles.length, 8));
    element.dataset.rest = String(Math.min(tiles.length - 1, 6));
    keyed(element, tiles.map((each) => ({ ...each, isBig: !isSplit && each.key === big })), ({ key }) => key, () => tile());
    alone.hidden = tiles.length > 1;
    keyed(sound, studio.peers.filter(({ pid }) => studio.media.get(pid)?.mic), ({ pid }) => pid, () => voice(studio));
  };
  const level = () => element.querySelector("[data-key='me:cam']")?.clipdLevel?.(studio.isMuted ? null : studio.level);
  return { element: h("section", { class: "stage-box" }, element, alone, sound), show, level };
}

function tilesOf(studio) {
  const { me, tracks, isMuted, media, peers } = studio;
  const own = { key: "me:cam", name: `${me.name} (you)`, stream: tracks.cam, isOwn: true, isMuted, level: null, state: "joined" };
  const tiles = [own];
  if (tracks.screen) tiles.push({ key: "me:screen", name: "Your screen", stream: tracks.screen, isOwn: true, isScreen: true, state: "joined" });
  for (const peer of peers.filter(({ state }) => state !== "lobby")) {
    const streams = media.get(peer.pid);
    const isOn = (name) => Boolean(peer.tracks?.[name]?.on && streams?.[name]);
    tiles.push({
      key: `${peer.pid}:cam`, name: peer.name, stream: isOn("cam") ? streams.cam : null, isMuted: peer.muted?.includes("mic"),
      level: peer.level, state: peer.state, isLoud: peer.level?.rms > SPEAKS,
    });
    if (isOn("screen")) tiles.push({ key: `${peer.pid}:screen`, name: `${peer.name}, screen`, stream: streams.screen, isScreen: true, state: peer.state });
  }
  return tiles;
}

/** The key of the tile that is large, or "". */
function bigOf({ layout }, tiles, speaker) {
  const screen = tiles.find(({ isScreen, isOwn }) => isScreen && !isOwn) ?? tiles.find(({ isScreen }) => isScreen);
  if (screen && layout !== "split") return screen.key;
  if (layout !== "speaker" && layout !== "screen+speaker") return "";
  const others = tiles.filter(({ isOwn }) => !isOwn);
  const [loudest] = others.filter(({ isLoud }) => isLoud).sort((a, b) => b.level.rms - a.level.rms);
  const now = performance.now();
  const isThere = tiles.some(({ key }) => key === speaker.key);
  if (loudest && loudest.key !== speaker.key && (!isThere || now - speaker.since > STAYS_MS)) Object.assign(speaker, { key: loudest.key, since: now });
  else if (!isThere) speaker.key = others[0]?.key ?? "";
  return speaker.key;
}

function tile() {
  const video = h("video", { muted: true, autoplay: true, playsInline: true });
  const face = h("span", { class: "face", "aria-hidden": "true" });
  const name = h("span", { class: "cut" });
  const quiet = h("span", { class: "tile-mute" }, icon("micoff"), h("span", { class: "unseen" }, "muted"));
  const away = h("p", { class: "tile-away" }, h("span", {}, "Reconnecting", h("span", { class: "rest" }, ". Their own recording goes on.")));
  const meter = levelMeter("small");
  const element = h("div", { class: "cell" }, h("figure", { class: "tile" }, face, video, away, h("figcaption", {}, quiet, name, meter.element)));
  element.clipdLevel = meter.show;
  const show = ({ key, name: text, stream, isOwn = false, isScreen = false, isMuted = false, isBig = false, level, isLoud = false, state }) => {
    element.dataset.key = key;
    element.className = `cell${isBig ? " big" : ""}${isLoud ? " loud" : ""}${isScreen ? " is-screen" : ""}`;
    const wanted = stream instanceof MediaStreamTrack ? stream : stream?.getVideoTracks()[0] ?? null;
    if (video.srcObject?.getVideoTracks()[0] !== (wanted ?? undefined)) video.srcObject = wanted ? new MediaStream([wanted]) : null;
    video.hidden = !wanted;
    video.classList.toggle("mirrored", isOwn && !isScreen);
    video.setAttribute("aria-label", text);
    say(face, initials(text));
    say(name, text);
    quiet.hidden = !isMuted;
    meter.element.hidden = isScreen;
    if (!isOwn) meter.show(isMuted ? null : level);
    away.hidden = state !== "stalled";
    face.hidden = Boolean(wanted) || !away.hidden;
  };
  return { element, show };
}

/** A person's voice. A browser that wants a click first gets one from a note. */
function voice(studio) {
  const element = h("audio", { autoplay: true });
  const show = ({ pid }) => {
    const stream = studio.media.get(pid).mic;
    if (element.srcObject === stream) return;
    element.srcObject = stream;
    element.play().catch((error) => error.name === "NotAllowedError" && studio.dispatchEvent(new CustomEvent("blocked", { detail: element })));
  };
  return { element, show };
}

function initials(text) {
  const [one = "", two = ""] = text.replace(/\(.*\)/, "").trim().split(/\s+/);
  return ((one[0] ?? "?") + (two[0] ?? "")).toUpperCase();
}
