// Records here, at full quality, whatever the network does: one MediaRecorder a track, each with a copy of the
// microphone so that all can be lined up by their sound. Never paused: a pause would take time out of the file.
import { OPUS_BPS, SCREEN_BPS } from "./devices.js";

const SLICE_MS = 1000; // the most that a crash can take
const VIDEO = ["video/x-matroska;codecs=avc1,opus", "video/x-matroska;codecs=avc1", "video/webm;codecs=vp9,opus", "video/webm;codecs=vp8,opus", "video/mp4;codecs=avc1,mp4a.40.2", "video/mp4"];
const SOUND = ["audio/webm;codecs=opus", "audio/mp4;codecs=mp4a.40.2", "audio/mp4"];
const PCM = "audio/webm;codecs=pcm";
const SHORT_MS = 2000;
const MOST_FALLS = 3; // recorders in a row that ended by themselves at once: then it is not tried again

const can = (mime) => globalThis.MediaRecorder?.isTypeSupported(mime) ?? false;
const first = (mimes) => mimes.find(can) ?? "";

/** What this browser can record. */
export const mimes = () => [...VIDEO, ...SOUND, PCM].filter(can);
export const canWav = () => can(PCM);
export const canRecord = () => Boolean(globalThis.MediaRecorder && first(VIDEO) && first(SOUND));

/** Records the tracks it is given while a take runs. Tells `change`, and `problem` with a sentence. */
export class Recorder extends EventTarget {
  take = null; // {id}
  #room;
  #store;
  #clock;
  #signal;
  #tracks = { mic: null, cam: null, screen: null };
  #runs = new Map(); // mic, cam, screen -> Run
  #options;
  #turns = Promise.resolve();
  #falls = 0;

  /** `options()`: {wav, camBps} at the start of a segment. */
  constructor({ room, store, clock, signal, options }) {
    super();
    this.#room = room;
    this.#store = store;
    this.#clock = clock;
    this.#signal = signal;
    this.#options = options;
  }

  /** Names of the tracks that are being recorded just now. */
  get running() {
    return [...this.#runs.keys()];
  }

  start(take) {
    return this.#after(async () => {
      if (this.take?.id === take.id) return;
      if (this.take) await this.#end("other_take");
      this.take = take;
      this.#falls = 0;
      await this.#settle();
    });
  }

  stop(reason = "stopped") {
    return this.#after(async () => {
      this.take = null;
      await this.#end(reason);
    });
  }

  /** The tracks from now on; one that has changed ends its segment and begins another. A new microphone is in all. */
  use(tracks) {
    return this.#after(async () => {
      const isOtherMic = tracks.mic !== this.#tracks.mic;
      const ending = [...this.#runs].filter(([name]) => isOtherMic || tracks[name] !== this.#tracks[name]);
      this.#tracks = { ...tracks };
      await Promise.all(ending.map(([name]) => this.#endOne(name, "device")));
      await this.#settle();
    });
  }

  async #settle() {
    if (this.take) {
      for (const [name, track] of Object.entries(this.#tracks)) {
        if (track?.readyState === "live" && !this.#runs.has(name) && this.#falls < MOST_FALLS) this.#begin(name, track);
      }
    }
    this.dispatchEvent(new Event("change"));
  }

  #begin(name, track) {
    const { mic } = this.#tracks;
    const { wav, camBps } = this.#options();
    const stream = new MediaStream(name === "mic" ? [mic] : [track, ...(mic ? [mic] : [])]);
    const isPcm = name === "mic" && wav && canWav();
    const options = name === "mic"
      ? { mimeType: isPcm ? PCM : first(SOUND), audioBitsPerSecond: OPUS_BPS }
      : { mimeType: first(VIDEO), videoBitsPerSecond: name === "cam" ? camBps : SCREEN_BPS, audioBitsPerSecond: OPUS_BPS, videoKeyFrameIntervalDuration: SLICE_MS };
    const facts = { seg: crypto.randomUUID(), room: this.#room, take: this.take.id, track: name, settings: settingsOf(track) };
    const run = new Run(new MediaRecorder(stream, options), facts, { store: this.#store, clock: this.#clock, signal: this.#signal });
    run.addEventListener("problem", ({ detail }) => this.dispatchEvent(new CustomEvent("problem", { detail })));
    const began = performance.now();
    run.ended.then(() => {
      if (this.#runs.get(name) !== run) return;
      this.#runs.delete(name); // by itself: the track ended, or the recorder failed
      this.#falls = performance.now() - began < SHORT_MS ? this.#falls + 1 : 0;
      this.#after(() => this.#settle());
    });
    this.#runs.set(name, run);
    run.start();
    track.addEventListener("ended", () => this.#after(() => this.#runs.get(name) === run && this.#endOne(name, "ended")), { once: true });
  }

  async #end(reason) {
    await Promise.all([...this.#runs.keys()].map((name) => this.#endOne(name, reason)));
    this.dispatchEvent(new Event("change"));
  }

  async #endOne(name, reason) {
    const run = this.#runs.get(name);
    this.#runs.delete(name);
    await run?.stop(reason);
  }

  #after(does) {
    this.#turns = this.#turns.then(does).catch((error) => this.dispatchEvent(new CustomEvent("problem", { detail: `Recording here failed: ${error.message}` })));
    return this.#turns;
  }
}

/** One segment: one life of one MediaRecorder. */
class Run extends EventTarget {
  #recorder;
  #facts;
  #to;
  #reason = "ended";
  #writes = Promise.resolve();
  #isFailing = false;

  constructor(recorder, facts, to) {
    super();
    this.#recorder = recorder;
    this.#facts = facts;
    this.#to = to;
    this.ended = new Promise((done) => recorder.addEventListener("stop", () => this.#stopped().finally(done), { once: true }));
    recorder.addEventListener("start", () => this.#started(), { once: true });
    recorder.addEventListener("dataavailable", ({ data }) => data.size && this.#write(data));
    recorder.addEventListener("error", () => this.#problem("The browser's recorder failed. It is started again."));
  }

  start() {
    this.#recorder.start(SLICE_MS);
  }

  stop(reason) {
    this.#reason = reason;
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    return this.ended;
  }

  #started() {
    const { store, clock, signal } = this.#to;
    const { take, seg, track, settings } = this.#facts;
    const mime = this.#recorder.mimeType;
    const tMs = clock.now();
    this.#writes = store.begin({ ...this.#facts, mime, t_ms: tMs }).catch((error) => this.#problem(`Nothing can be kept on this device (${error.name}).`));
    signal.deliver("rec.state", { take, seg, track, state: "started", mime, t_ms: tMs, settings });
  }

  #write(blob) {
    this.#writes = this.#writes.then(() => this.#to.store.chunk(this.#facts.seg, blob)).then(
      () => { this.#isFailing = false; },
      () => {
        if (!this.#isFailing) this.#problem("This device's storage is full: what is recorded now is kept in memory and sent from there. Do not close this page.");
        this.#isFailing = true;
      },
    );
  }

  async #stopped() {
    const tMs = this.#to.clock.now();
    const { take, seg, track } = this.#facts;
    await this.#writes;
    await this.#to.store.end(seg, tMs, this.#reason);
    this.#to.signal.deliver("rec.state", { take, seg, track, state: "stopped", t_ms: tMs });
  }

  #problem(text) {
    this.dispatchEvent(new CustomEvent("problem", { detail: text }));
  }
}

/** Plain numbers and words of a track's settings; no ids of devices. */
function settingsOf(track) {
  const { deviceId, groupId, ...rest } = track.getSettings();
  return { ...rest, label: track.label.slice(0, 80) };
}
