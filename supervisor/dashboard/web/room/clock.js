// The room's clock, as far as this page can know it: exchanges of time with the server, those with the shortest way.

const WINDOW_MS = 60_000;
const MOST = 64;

export class RoomClock {
  #samples = []; // {at, rtt, offset}: room ms = performance.now() + offset

  /** One exchange: sent at `t0`, received there at `t1` and answered at `t2` (room ms), back at `t3`. */
  add(t0, t1, t2, t3) {
    const rtt = t3 - t0 - (t2 - t1);
    if (![t0, t1, t2, t3].every(Number.isFinite) || rtt < 0) return;
    this.#samples = [...this.#samples.filter(({ at }) => t3 - at < WINDOW_MS), { at: t3, rtt, offset: (t1 - t0 + t2 - t3) / 2 }].slice(-MOST);
  }

  /** A first guess, until an exchange has come back. */
  guess(roomMs) {
    if (!this.#samples.length) this.#samples = [{ at: performance.now(), rtt: 2000, offset: roomMs - performance.now() }];
  }

  /** Another room's clock, or this one's after its server lost it. */
  forget() {
    this.#samples = [];
  }

  /** Room time in ms, or NaN before anything is known. `at`: a time of performance.now(). */
  now(at = performance.now()) {
    return at + (this.#best?.offset ?? NaN);
  }

  /** How wrong it can be, in ms. */
  get boundMs() {
    return (this.#best?.rtt ?? NaN) / 2;
  }

  get #best() {
    return this.#samples.reduce((best, each) => (best && best.rtt <= each.rtt ? best : each), null);
  }
}
