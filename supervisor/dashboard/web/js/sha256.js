// SHA-256 in hex. The browser's own where it gives it: not to pages over plain HTTP from another machine.

const K = primes(64).map((each) => fraction(Math.cbrt(each)));
const START = primes(8).map((each) => fraction(Math.sqrt(each)));

/** Of an ArrayBuffer. */
export async function sha256(buffer) {
  if (crypto.subtle) return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", buffer)));
  return plainSha256(buffer);
}

/** FIPS 180-4, section 6.2. */
export function plainSha256(buffer) {
  const bytes = new Uint8Array(((buffer.byteLength + 8) >> 6 << 6) + 64);
  bytes.set(new Uint8Array(buffer));
  bytes[buffer.byteLength] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(bytes.length - 8, Math.floor(buffer.byteLength / 2 ** 29));
  view.setUint32(bytes.length - 4, (buffer.byteLength << 3) >>> 0);
  const state = Int32Array.from(START);
  const w = new Int32Array(64);
  for (let at = 0; at < bytes.length; at += 64) block(view, at, state, w);
  const out = new DataView(new ArrayBuffer(32));
  state.forEach((word, at) => out.setInt32(at * 4, word));
  return hex(new Uint8Array(out.buffer));
}

function block(view, at, state, w) {
  for (let i = 0; i < 16; i += 1) w[i] = view.getInt32(at + i * 4);
  for (let i = 16; i < 64; i += 1) {
    const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
    const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i += 1) {
    const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
}

function turn(word, by) {
  return (word >>> by) | (word << (32 - by));
}

function primes(count) {
  const found = [];
  for (let each = 2; found.length < count; each += 1) if (found.every((prime) => each % prime)) found.push(each);
  return found;
}

function fraction(value) {
  return ((value - Math.floor(value)) * 2 ** 32) | 0;
}

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
