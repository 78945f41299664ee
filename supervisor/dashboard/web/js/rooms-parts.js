// What the list of rooms and the page of one share.

export const LAYOUTS = [["grid", "Grid"], ["split", "Side by side"], ["speaker", "Speaker"], ["screen+speaker", "Screen and speaker"]];

/** [tone, words] of a room. `worker` is the state of what keeps it. */
export function stateOf({ state, worker }) {
  if (state === "closed") return ["", "Closed"];
  if (worker === "running") return ["good", "Open"];
  if (worker === "degraded") return ["warn", "Open, in difficulty"];
  return ["accent", "Opening"];
}
