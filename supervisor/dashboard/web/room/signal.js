// The room's WebSocket: typed messages, comes back by itself, says what must arrive again until it is answered.
// Tells every message of the server under its type, and `state`: connecting, open, waiting, refused.

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 8_000;
const SILENT_MS = 9_000; // clk is answered every 2 s: nothing for this long is a dead line
const CLK_MS = 2_000;
const FIRST_CLKS = 8;
const LAST_CODES = { 4001: "elsewhere", 4003: "kicked" }; // no other try will do; and why
const LAST_REASONS = ["kicked", "denied", "room_full"]; // of 1008; with others of its reasons one may come back
const OPENING = 1013;

export class Signal extends EventTarget {
  state = "connecting";
  isOpening = false; // the room has no worker yet
  #socket = null;
  #token;
  #hello;
  #clock;
  #unanswered = new Map(); // id -> message
  #failures = 0;
  #heard = 0;
  #timers = new Set();
  #isClosed = false;
  #where;

  /** `token()`: a fresh session token (rejects with Refused where there is none any more); `hello()`: what is said first. */
  constructor(room, { token, hello, clock }) {
    super();
    this.#where = `${location.origin.replace(/^http/, "ws")}/api/v1/rooms/${encodeURIComponent(room)}/ws`;
    this.#token = token;
    this.#hello = hello;
    this.#clock = clock;
    addEventListener("online", this.#hurry);
  }

  async open() {
    if (this.#isClosed) return;
    this.#turn("connecting");
    let token;
    try {
      token = await this.#token();
    } catch (error) {
      if (error.isPassing ?? true) return this.#again();
      this.#turn("refused", error);
      return;
    }
    const socket = new WebSocket(this.#where, ["clipd.room.v1", `token.${token}`]);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#opened(socket));
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#take(data));
    socket.addEventListener("close", ({ code, reason }) => socket === this.#socket && this.#lost(code, reason));
  }

  /** Says something that counts only now. Gives whether it went out. */
  send(type, body = {}) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ v: 1, id: crypto.randomUUID(), type, ...body }));
    return true;
  }

  /** Says something that has to arrive: again after every loss of the line, under the same id, until it is answered. */
  deliver(type, body = {}) {
    const message = { v: 1, id: crypto.randomUUID(), type, ...body };
    this.#unanswered.set(message.id, message);
    if (this.#unanswered.size > 200) this.#unanswered.delete(this.#unanswered.keys().next().value);
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  close() {
    this.#isClosed = true;
    removeEventListener("online", this.#hurry);
    this.#stop();
    if (this.send("bye")) this.#socket.close(1000);
    this.#socket = null;
  }

  #opened(socket) {
    this.#failures = 0;
    this.#heard = performance.now();
    this.send("hello", this.#hello());
    for (const message of this.#unanswered.values()) socket.send(JSON.stringify(message));
    let asked = 0;
    const beat = () => {
      if (performance.now() - this.#heard > SILENT_MS) return void this.#lost(0);
      this.send("clk", { t0: performance.now() });
      asked += 1;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        beat();
      }, asked < FIRST_CLKS ? 120 : CLK_MS);
      this.#timers.add(timer);
    };
    beat();
  }

  #take(data) {
    const now = performance.now();
    this.#heard = now;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message?.re) this.#unanswered.delete(message.re);
    if (message?.type === "clk") this.#clock.add(message.t0, message.t1, message.t2, now);
    else if (message?.type === "welcome") this.#turn("open");
    if (typeof message?.type === "string") this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  #lost(code, reason = "") {
    this.#stop();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    if (this.#isClosed) return;
    this.isOpening = code === OPENING;
    const last = LAST_CODES[code] ?? (code === 1008 && LAST_REASONS.includes(reason) ? reason : "");
    if (last) this.#turn("refused", { code: last });
    else this.#again();
  }

  #again() {
    this.#turn("waiting");
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2);
    this.#failures = Math.min(this.#failures + 1, 10);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.open();
    }, wait);
    this.#timers.add(timer);
  }

  #hurry = () => {
    if (this.state !== "waiting") return;
    this.#stop();
    this.open();
  };

  #stop() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #turn(state, error = null) {
    if (state === this.state && !error) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, error } }));
  }
}
