// Live pictures and voices: one connection out, one in for each person who is heard. What is recorded here does not
// depend on them.

const PATIENCE_MS = 4_000; // disconnected for longer: a new connection
const GATHER_MS = 2_000; // a STUN server that is dead must not hold up the others
const LIVE_HEIGHT = 360;
const LIVE_BPS = 1_200_000;
const SCREEN_BPS = 1_200_000;
const LOOK_MS = 2_000;

/** Sends mic, cam and screen over three transceivers that are there from the start. Tells `state`: connecting, good,
 * broken; and `net` with {rtt_ms, loss, kbps}. */
export class Publishing extends EventTarget {
  state = "connecting";
  #signal;
  #servers;
  #tracks = { mic: null, cam: null, screen: null };
  #gen = 0;
  #link = null;
  #patience = 0;
  #watch = 0;
  #before = null;

  constructor(signal) {
    super();
    this.#signal = signal;
    signal.addEventListener("answer", ({ detail }) => this.#answered(detail));
  }

  /** What an earlier page of ours has used is not used again: each generation is a file of its own. */
  startBehind(gen) {
    if (Number.isInteger(gen)) this.#gen = Math.max(this.#gen, gen);
  }

  /** A connection, new or anew. */
  async connect(iceServers = this.#servers) {
    this.#servers = iceServers;
    this.#drop();
    const gen = ++this.#gen;
    const link = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#link = link;
    this.#turn("connecting");
    for (const [name, kind, bps] of [["mic", "audio", 0], ["cam", "video", LIVE_BPS], ["screen", "video", SCREEN_BPS]]) {
      const { sender } = link.addTransceiver(kind, { direction: "sendonly", sendEncodings: bps ? [{ maxBitrate: bps, maxFramerate: 30 }] : [{}] });
      link[name] = sender;
      await sender.replaceTrack(this.#tracks[name]);
    }
    await this.#fit();
    link.addEventListener("connectionstatechange", () => link === this.#link && this.#changed());
    this.#patience = setTimeout(() => this.#anew(link), PATIENCE_MS * 2); // an offer or its answer that was lost
    await link.setLocalDescription();
    await gathered(link);
    if (link === this.#link) this.#signal.send("offer", { gen, sdp: link.localDescription.sdp });
  }

  /** What is sent from now on; null: nothing. */
  async use(name, track) {
    this.#tracks[name] = track;
    await this.#link?.[name]?.replaceTrack(track);
    await this.#fit();
  }

  close() {
    this.#drop();
    this.#turn("broken");
  }

  /** The live picture is small; the recording is not. */
  async #fit() {
    for (const name of ["cam", "screen"]) {
      const sender = this.#link?.[name];
      const height = this.#tracks[name]?.getSettings().height;
      const parameters = sender?.getParameters();
      if (!height || !parameters?.encodings?.length) continue;
      const most = name === "cam" ? LIVE_HEIGHT : 720; // a screen has to be readable
      parameters.encodings[0].scaleResolutionDownBy = Math.max(1, height / most);
      await sender.setParameters(parameters).catch(() => {}); // Then it sends what it likes: the server bounds the rate
    }
  }

  async #answered({ gen, sdp }) {
    if (gen !== this.#gen || this.#link?.signalingState !== "have-local-offer") return;
    try {
      await this.#link.setRemoteDescription({ type: "answer", sdp });
    } catch {
      this.#anew(this.#link);
    }
  }

  #changed() {
    const { connectionState: state } = this.#link;
    clearTimeout(this.#patience);
    if (state === "connected") {
      this.#turn("good");
      clearInterval(this.#watch);
      this.#watch = setInterval(() => this.#look(), LOOK_MS);
    } else if (state === "disconnected" || state === "failed") {
      this.#turn("broken");
      const link = this.#link;
      this.#patience = setTimeout(() => this.#anew(link), state === "failed" ? 500 : PATIENCE_MS);
    }
  }

  #anew(link) {
    if (link === this.#link) this.connect();
  }

  async #look() {
    const found = { rtt_ms: 0, loss: 0, kbps: 0 };
    let bytes = 0;
    const report = (await this.#link?.getStats()) ?? new Map();
    for (const each of report.values()) {
      if (each.type === "remote-inbound-rtp") found.loss = Math.max(found.loss, each.fractionLost ?? 0);
      if (each.type === "candidate-pair" && each.nominated) found.rtt_ms = Math.max(found.rtt_ms, (each.currentRoundTripTime ?? 0) * 1000);
      if (each.type === "outbound-rtp") bytes += each.bytesSent;
    }
    const now = performance.now();
    if (this.#before && bytes >= this.#before.bytes) found.kbps = ((bytes - this.#before.bytes) * 8) / (now - this.#before.now);
    this.#before = { bytes, now };
    this.dispatchEvent(new CustomEvent("net", { detail: { ...found, loss: Math.min(1, Math.max(0, found.loss)) } }));
  }

  #drop() {
    clearTimeout(this.#patience);
    clearInterval(this.#watch);
    this.#before = null;
    const link = this.#link;
    this.#link = null;
    link?.close();
  }

  #turn(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

/** What others send. Tells `media` with {pid, mic, cam, screen} (MediaStreams) and `gone` with a pid. */
export class Receiving extends EventTarget {
  #signal;
  #servers = [];
  #links = new Map(); // pair -> {pid, link}

  constructor(signal) {
    super();
    this.#signal = signal;
    signal.addEventListener("offer", ({ detail }) => this.#offered(detail).catch(() => this.#drop(detail.pair)));
    signal.addEventListener("gone", ({ detail }) => this.#drop(detail.pair));
  }

  /** The room offers all pairs anew. */
  restart(iceServers) {
    this.#servers = iceServers;
    for (const pair of [...this.#links.keys()]) this.#drop(pair);
  }

  close() {
    this.restart([]);
  }

  async #offered({ pair, pid, sdp }) {
    this.#drop(pair);
    for (const [other, each] of this.#links) if (each.pid === pid) this.#drop(other, true); // an older connection of theirs
    const link = new RTCPeerConnection({ iceServers: this.#servers, bundlePolicy: "max-bundle" });
    this.#links.set(pair, { pid, link });
    await link.setRemoteDescription({ type: "offer", sdp });
    await link.setLocalDescription();
    await gathered(link);
    if (this.#links.get(pair)?.link !== link) return;
    this.#signal.deliver("answer", { pair, sdp: link.localDescription.sdp });
    const tracks = link.getTransceivers().map(({ receiver }) => receiver.track);
    const [cam, screen] = tracks.filter(({ kind }) => kind === "video");
    const mic = tracks.find(({ kind }) => kind === "audio");
    const as = (track) => (track ? new MediaStream([track]) : null);
    this.dispatchEvent(new CustomEvent("media", { detail: { pid, mic: as(mic), cam: as(cam), screen: as(screen) } }));
  }

  #drop(pair, isReplaced = false) {
    const found = this.#links.get(pair);
    this.#links.delete(pair);
    found?.link.close();
    if (found && !isReplaced) this.dispatchEvent(new CustomEvent("gone", { detail: found.pid }));
  }
}

/** All candidates are in the description, or it has taken long enough. */
function gathered(link) {
  if (link.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((done) => {
    const timer = setTimeout(done, GATHER_MS);
    link.addEventListener("icegatheringstatechange", () => {
      if (link.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      done();
    });
  });
}
