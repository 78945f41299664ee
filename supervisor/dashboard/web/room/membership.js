// Who we are in this room: the invite is traded for a session token, which is renewed, and a token for uploads.
import { keep, recall } from "./keep.js";
import { Refused, ask } from "./net.js";

const RENEW_MS = 10 * 60_000; // a session token lives for 15 min

/** What a guest reads when the door stays closed. */
const REFUSALS = {
  invite_unknown: "This invite link is not valid. Check that you have opened all of it, or ask the host for another.",
  invite_expired: "This invite link has expired. Ask the host for a new one.",
  invite_revoked: "This invite link was taken back. Ask the host for a new one.",
  invite_used: "This invite link was for one person, and somebody else has used it. Ask the host for your own.",
  consent_missing: "The notice has changed. Read it again, then agree.",
  room_full: "The room is full. Ask the host whether somebody can leave, then try again.",
  room_closed: "The room is closed just now. Ask the host when it opens, then try again.",
  rate_limited: "That was too often. Wait a minute, then try again.",
};

/** What a code of the server means for a guest, or "". */
export const sentenceOf = (code) => REFUSALS[code] ?? "";

/** A sentence for whatever `error` is. */
export function toldOf(error) {
  if (!(error instanceof Refused)) return "Something went wrong in this page. Load it again.";
  if (REFUSALS[error.code]) return REFUSALS[error.code];
  if (error.status === 0) return "The server does not answer. Check your connection, then try again.";
  if (error.status === 404) return "There is no room at this address. Ask the host for the link again.";
  if (error.status === 429) return REFUSALS.rate_limited;
  return error.message;
}

/** The room and the secret of a link: /room/<id>#<secret>. */
export function readLink({ pathname, hash } = location) {
  return { room: decodeURIComponent(pathname.split("/")[2] ?? ""), secret: hash.slice(1) };
}

export const notice = (room) => ask("GET", `rooms/${encodeURIComponent(room)}/notice`);

/** The same for all rooms: a single-use invite knows us by it. */
function clientId() {
  const known = recall("client");
  if (known) return known;
  const made = crypto.randomUUID();
  keep("client", made);
  return made;
}

export class Membership {
  /** `facts`: what the server answered to joining. */
  constructor(asked, facts) {
    this.asked = asked;
    this.#take(facts);
  }

  /** Through the door: {room, secret, name, sha256}; sha256 is that of the notice that was agreed to. */
  static async join({ room, secret, name, sha256 }) {
    const asked = { room, secret, name, sha256 };
    return new Membership(asked, await Membership.#join(asked));
  }

  get clientId() {
    return clientId();
  }

  /** A session token that is good for minutes. Rejects with Refused where there is none any more. */
  async token() {
    if (performance.now() - this.#since < RENEW_MS) return this.#token;
    const path = `rooms/${encodeURIComponent(this.asked.room)}/refresh`;
    try {
      const fresh = await ask("POST", path, { token: this.#token, body: {} });
      this.#token = fresh.token;
      this.uploadToken = fresh.upload_token;
      this.#since = performance.now();
    } catch (error) {
      if (error.isPassing) throw error;
      this.#take(await Membership.#join(this.asked)); // it has run out: this machine slept
    }
    return this.#token;
  }

  /** The token was refused although it should be good: the next one is asked for. */
  expire() {
    this.#since = -Infinity;
  }

  static #join({ room, secret, name, sha256 }) {
    const body = { invite: secret, name, client_id: clientId(), consent: true, notice: sha256 };
    return ask("POST", `rooms/${encodeURIComponent(room)}/join`, { body });
  }

  #token;
  #since;

  #take(facts) {
    this.pid = facts.participant;
    this.role = facts.role;
    this.room = facts.room;
    this.uploadToken = facts.upload_token;
    this.iceServers = facts.ice_servers ?? [];
    this.limits = facts.limits ?? {};
    this.#token = facts.token;
    this.#since = performance.now();
  }
}
