// The room as this page lives it: who is there, what we send, what is recorded. No elements here: the views show it.
import { RoomClock } from "./clock.js";
import { OPUS_BPS, PCM_BPS, SCREEN_BPS, openCam, openMic, openScreen } from "./devices.js";
import { watchLevel } from "./level.js";
import { MB, free, judge, persist } from "./quota.js";
import { Recorder, mimes } from "./recorder.js";
import { Publishing, Receiving } from "./rtc.js";
import { Signal } from "./signal.js";
import { sums } from "./store.js";

const LEVEL_MS = 250;
const UPLOAD_MS = 2000;
const DISK_MS = 10_000;
const POOR_LOSS = 0.05;
const MUTE_ECHO_MS = 3000; // what others say of our microphone may still be what we said before

/** Tells `change` (anything), `level` (ours), `media`, `note` {text, tone}, and `over` with why, once. */
export class Studio extends EventTarget {
  peers = [];
  me = null; // {pid, name, role}
  take = null; // {id, started_ms}
  isAdmitted = false;
  layout = "grid";
  line = "connecting"; // to the room's server: connecting, open, waiting, refused
  media = new Map(); // pid -> {mic, cam, screen}
  level = { peak: 0, rms: 0, clip: false, isSilent: false };
  disk = { minutes: Infinity, isLow: false, isTooLow: false };
  isPersisted = null;
  isMuted = false;
  notRecorded = ""; // why not, while a take runs
  #tracks;
  #stops = [];
  #stopLevel = () => {};
  #toldUpload = "";
  #mutedAt = -Infinity; // when we last said whether we are heard
  #wakeLock = null;

  /** `tracks`: {mic, cam}; `choices`: {micId, camId, size, hasHeadphones, wav, lowData}. */
  constructor({ membership, store, tracks, choices }) {
    super();
    Object.assign(this, { membership, store, choices });
    this.#tracks = { mic: tracks.mic, cam: tracks.cam, screen: null };
    this.me = { pid: membership.pid, name: membership.asked.name, role: membership.role };
    this.clock = new RoomClock();
    this.signal = new Signal(membership.asked.room, { token: () => this.#token(), hello: () => this.#hello(), clock: this.clock });
    this.publishing = new Publishing(this.signal);
    this.receiving = new Receiving(this.signal);
    this.recorder = new Recorder({
      room: membership.asked.room, store, clock: this.clock, signal: this.signal,
      options: () => ({ wav: this.choices.wav, camBps: this.choices.size.bps }),
    });
  }

  get tracks() {
    return this.#tracks;
  }

  get isHost() {
    return this.me.role === "host" || this.me.role === "producer";
  }

  /** good, reconnecting or offline. */
  get connection() {
    if (!navigator.onLine) return "offline";
    if (this.line !== "open") return this.line === "connecting" && !this.peers.length ? "connecting" : "reconnecting";
    return !this.isAdmitted || this.publishing.state === "good" ? "good" : this.publishing.state === "connecting" ? "connecting" : "reconnecting";
  }

  /** Seconds since the take began, or NaN. */
  get takeS() {
    return this.take ? Math.max(0, (this.clock.now() - this.take.started_ms) / 1000) : NaN;
  }

  /** Of this room: what was recorded here, sent, and verified there. */
  get upload() {
    return sums(this.store.progress.segments.filter(({ room }) => room === this.membership.asked.room));
  }

  async enter() {
    const { signal } = this;
    this.#listen();
    this.#every(LEVEL_MS, () => signal.send("level", { peak: this.isMuted ? 0 : this.level.peak, rms: this.isMuted ? 0 : this.level.rms, clip: this.level.clip }));
    this.#every(UPLOAD_MS, () => this.#tellUpload());
    this.#every(DISK_MS, () => this.#lookAtDisk());
    this.isPersisted = await persist();
    await this.#lookAtDisk();
    await this.#useTracks({ mic: this.#tracks.mic, cam: this.#tracks.cam });
    await signal.open();
  }

  /** Ends it all but the upload. Idempotent. */
  async leave(why = "left") {
    if (this.isOver) return;
    this.isOver = true;
    for (const stop of this.#stops) stop();
    this.#stopLevel();
    await this.recorder.stop(why);
    this.store.hold(false); // it was held for the call's sake
    this.#tellUpload();
    this.signal.close();
    this.publishing.close();
    this.receiving.close();
    for (const track of Object.values(this.#tracks)) track?.stop();
    await this.#wakeLock?.release().catch(() => {});
    this.dispatchEvent(new CustomEvent("over", { detail: why }));
  }

  // -- our own devices -------------------------------------------------------------------------------------------------

  setMuted(on) {
    this.isMuted = on;
    this.#mutedAt = performance.now();
    if (this.#tracks.mic) this.#tracks.mic.enabled = !on;
    this.signal.deliver("mute", { track: "mic", on: !on });
    this.#change();
  }

  /** The camera's light goes out with it. Throws what getUserMedia throws. */
  async setCam(on) {
    const before = this.#tracks.cam;
    await this.#useTracks({ cam: on ? await openCam(this.choices.camId, this.choices.size) : null });
    before?.stop(); // only now: its recorder has ended by then
    this.signal.deliver("mute", { track: "cam", on });
  }

  async setScreen(on) {
    const before = this.#tracks.screen;
    await this.#useTracks({ screen: on ? await openScreen() : null });
    before?.stop();
    this.signal.deliver("mute", { track: "screen", on });
  }

  /** Other devices, or another size: what has changed is opened anew and begins another segment. */
  async choose(choices) {
    const { micId, camId, hasHeadphones, size } = this.choices;
    const { mic, cam } = this.#tracks;
    this.choices = choices;
    if (choices.micId !== micId || choices.hasHeadphones !== hasHeadphones) {
      const other = await openMic(choices.micId, choices);
      other.enabled = !this.isMuted;
      await this.#useTracks({ mic: other });
      mic?.stop();
    }
    if (cam && (choices.camId !== camId || choices.size.height !== size.height)) {
      await this.setCam(false); // some cameras do not open a second time
      await this.setCam(true);
    }
    await this.#useTracks();
  }

  // -- what hosts do ---------------------------------------------------------------------------------------------------

  admit(pid) {
    this.signal.deliver("admit", { pid });
  }

  deny(pid) {
    this.signal.deliver("deny", { pid });
  }

  kick(pid) {
    this.signal.deliver("kick", { pid });
  }

  mutePeer(pid) {
    this.signal.deliver("mute", { pid, track: "mic", on: false });
  }

  record(on) {
    this.signal.deliver(on ? "rec.start" : "rec.stop");
  }

  setLayout(layout) {
    this.signal.deliver("layout", { layout });
  }

  holdUpload(pid, on) {
    this.signal.deliver("upl.ctl", { pid, op: on ? "pause" : "resume" });
  }

  mark(text) {
    this.signal.deliver("mark", { text });
  }

  // -- inside ----------------------------------------------------------------------------------------------------------

  #listen() {
    const { signal, publishing, receiving, recorder, store } = this;
    const on = (target, event, does) => {
      const heard = ({ detail }) => does(detail);
      target.addEventListener(event, heard);
      this.#stops.push(() => target.removeEventListener(event, heard));
    };
    on(signal, "state", ({ state, error }) => this.#lineIs(state, error));
    on(signal, "welcome", (detail) => this.#welcome(detail));
    on(signal, "peers", ({ peers, layout }) => this.#know(peers, layout));
    on(signal, "admitted", () => this.#admitted());
    on(signal, "rec.start", ({ take, at_ms: at }) => this.#startTake({ id: take, started_ms: at }));
    on(signal, "rec.stop", () => this.#stopTake());
    on(signal, "upl.ctl", ({ op }) => store.hold(op === "pause"));
    on(signal, "kick", ({ reason }) => this.leave(reason));
    on(signal, "warn", ({ text }) => this.#note(text, "warn"));
    on(signal, "error", ({ message, remedy }) => this.#note([message, remedy].filter(Boolean).join(". "), "bad"));
    on(publishing, "state", () => this.#change());
    on(publishing, "net", (net) => this.#net(net));
    on(receiving, "media", ({ pid, ...streams }) => this.#mediaIs(pid, streams));
    on(receiving, "gone", (pid) => this.#mediaIs(pid, null));
    on(recorder, "change", () => this.#change());
    on(recorder, "problem", (text) => this.#note(text, "bad"));
    on(store, "progress", () => this.#change());
    for (const name of ["online", "offline"]) on(globalThis, name, () => this.#change());
    on(document, "visibilitychange", () => this.#stayAwake());
  }

  /** The session's; the uploads' is renewed with it. */
  async #token() {
    const { membership, store } = this;
    const before = membership.uploadToken;
    const token = await membership.token();
    if (membership.uploadToken !== before) await store.room({ room: membership.asked.room, pid: membership.pid, name: membership.asked.name, token: membership.uploadToken });
    return token;
  }

  #hello() {
    const { segments } = this.store.progress;
    const resume = segments.filter(({ room, state }) => room === this.membership.asked.room && state === "open").map(({ seg }) => seg);
    return { client_id: this.membership.clientId, mimes: mimes(), persisted: this.isPersisted === true, quota_mb: Math.round((this.disk.bytes || 0) / MB), resume: resume.slice(-64) };
  }

  async #welcome({ pid, role, name, epoch_now_ms: nowMs, take, admitted, layout, gen }) {
    this.me = { pid, role, name };
    this.store.hurry();
    this.clock.guess(nowMs);
    if (layout) this.layout = layout;
    this.publishing.startBehind(gen);
    this.receiving.restart(this.membership.iceServers); // those of joining: with credentials of our own
    if (admitted) this.#admitted();
    if (take) await this.#startTake(take);
    else if (this.take) await this.#stopTake();
    this.#change();
  }

  #admitted() {
    this.isAdmitted = true;
    this.publishing.connect(this.membership.iceServers);
    for (const track of ["mic", "cam", "screen"]) this.signal.deliver("mute", { track, on: track === "mic" ? !this.isMuted : Boolean(this.#tracks[track]) });
    this.#stayAwake();
    this.#change();
  }

  #know(peers, layout) {
    const own = peers.find(({ pid }) => pid === this.me.pid);
    if (own?.state === "joined" && !this.isAdmitted) this.#admitted();
    if (own?.muted?.includes("mic") && performance.now() - this.#mutedAt > MUTE_ECHO_MS) this.#mutedByHost();
    this.peers = peers.filter(({ pid, state }) => pid !== this.me.pid && state !== "gone");
    if (layout) this.layout = layout;
    this.#change();
  }

  async #startTake(take) {
    this.take = take;
    await this.#lookAtDisk();
    this.notRecorded = this.disk.isTooLow ? "There is no space for it on this device" : "";
    if (!this.notRecorded) await this.recorder.start(take);
    else if (this.recorder.take?.id !== take.id) {
      this.signal.deliver("rec.state", { take: take.id, seg: crypto.randomUUID(), track: "mic", state: "failed" });
      this.#note("There is no space left on this device: you are not recorded here. The room's server keeps its own copy.", "bad");
    }
    this.#change();
  }

  async #stopTake() {
    this.take = null;
    this.notRecorded = "";
    await this.recorder.stop();
    this.#change();
  }

  /** A device that was unplugged: another microphone at once, the camera when it is asked for. */
  #watch(name, track) {
    track?.addEventListener("ended", async () => {
      if (this.#tracks[name] !== track || this.isOver) return;
      if (name === "mic") {
        const mic = await openMic("", this.choices).catch(() => null);
        if (mic) mic.enabled = !this.isMuted;
        await this.#useTracks({ mic });
        this.#note(mic ? `The microphone is gone; now it is ${mic.label}.` : "The microphone is gone: you are not heard. Plug one in, then choose it under Devices.", "bad");
      } else if (name === "screen") await this.setScreen(false); // the browser's own button
      else {
        await this.setCam(false);
        this.#note("The camera is gone. Start it again when it is back.", "bad");
      }
    }, { once: true });
  }

  async #useTracks(changed = {}) {
    for (const [name, track] of Object.entries(changed)) this.#watch(name, track);
    Object.assign(this.#tracks, changed);
    const { mic, cam, screen } = this.#tracks;
    if ("mic" in changed) this.#meter();
    await Promise.all([
      this.publishing.use("mic", mic),
      this.publishing.use("cam", this.choices.lowData ? null : cam),
      this.publishing.use("screen", screen),
      this.recorder.use({ mic, cam, screen }),
    ]);
    await this.#lookAtDisk();
    this.#change();
  }

  #meter() {
    this.#stopLevel();
    if (!this.#tracks.mic) return;
    this.#stopLevel = watchLevel(this.#tracks.mic, (level) => {
      this.level = level;
      this.dispatchEvent(new Event("level"));
    });
  }

  #mutedByHost() {
    if (this.isMuted) return;
    this.isMuted = true;
    if (this.#tracks.mic) this.#tracks.mic.enabled = false;
    this.#note("The host has muted you. Unmute yourself when you want to speak.", "warn");
    this.#change();
  }

  #mediaIs(pid, streams) {
    if (streams) this.media.set(pid, streams);
    else this.media.delete(pid);
    this.dispatchEvent(new CustomEvent("media", { detail: pid }));
    this.#change();
  }

  #lineIs(state, error) {
    this.line = state;
    if (state === "waiting") this.membership.expire(); // a line that was refused is not told apart: a new token does no harm
    if (state === "refused") this.leave(error?.code || "refused");
    this.#change();
  }

  #net({ rtt_ms: rtt, loss, kbps }) {
    this.signal.send("net", { rtt_ms: rtt, loss, kbps });
    this.store.yieldToCall(loss > POOR_LOSS);
  }

  #tellUpload() {
    const { made, sent, verified } = this.upload;
    const mine = this.store.progress.segments.filter(({ room, bytes }) => room === this.membership.asked.room && bytes).slice(-64);
    const segs = Object.fromEntries(mine.map((each) => [each.seg, { made: each.bytes, sent: each.sent_bytes, verified: each.state === "verified" ? each.bytes : 0 }]));
    const said = JSON.stringify(segs);
    if (said === this.#toldUpload) return;
    if (this.signal.send("upl.state", { made, sent, verified, bytes_left: Math.max(0, made - sent), bps: Math.round(this.store.progress.bps * 8), segs })) this.#toldUpload = said;
  }

  async #lookAtDisk() {
    const bytes = await free();
    const { mic, cam, screen } = this.#tracks;
    const bps = (mic ? (this.choices.wav ? PCM_BPS : OPUS_BPS) : 0) + (cam ? this.choices.size.bps : 0) + (screen ? SCREEN_BPS : 0);
    const was = this.disk;
    this.disk = { bytes, ...judge(bytes, bps || OPUS_BPS) };
    if (this.disk.isLow && !was.isLow) this.#note(`This device has space for about ${Math.max(0, Math.floor(this.disk.minutes))} minutes of recording. Free some, or choose a smaller size.`, "warn");
    this.#change();
  }

  async #stayAwake() {
    if (document.hidden || !navigator.wakeLock || !this.isAdmitted) return;
    this.#wakeLock = await navigator.wakeLock.request("screen").catch(() => null); // battery saver: then the screen may go dark
  }

  #every(ms, does) {
    const timer = setInterval(does, ms);
    this.#stops.push(() => clearInterval(timer));
  }

  #note(text, tone) {
    this.dispatchEvent(new CustomEvent("note", { detail: { text, tone } }));
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}
