// Our own line icons, 24 by 24, one stroke.
import { svg } from "./dom.js";

const PATHS = {
  streams: "M4 7h16v10H4zM9 20h6M8 12h2l1.5-3 2 6 1.2-3H16",
  clips: "M4 5h16v14H4zM4 9h16M8 5v4M16 5v4M10.5 12.2v4l3.6-2z",
  jobs: "M4 6h10M4 12h16M4 18h7M18 4v5M15.5 6.5h5",
  rooms: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 19a5.5 5.5 0 0 1 11 0M16.5 11.5a2.5 2.5 0 1 0 0-5M17 14.5a5 5 0 0 1 4.5 4.5",
  channels: "M4 10v4h3l6 4V6l-6 4zM16.5 9a4 4 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11",
  health: "M3 12h4l2.5-6 4 12 2.5-6h5",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  plus: "M12 5v14M5 12h14",
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8 5v14M16 5v14",
  scissors: "M7 8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM7 20.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9 8 20 18M9 16 20 6",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7",
  check: "M5 12.5 10 17.5 19.5 7",
  cross: "M6 6l12 12M18 6 6 18",
  back: "M14.5 5.5 8 12l6.5 6.5",
  next: "M9.5 5.5 16 12l-6.5 6.5",
  down: "M12 4v11M7 11l5 5 5-5M5 20h14",
  send: "M4 12 20 4.5 15.5 20l-4-6.5zM11.5 13.5 20 4.5",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  auto: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 3.5v17",
  out: "M10 5H5v14h5M14 8l4 4-4 4M9 12h9",
  help: "M9 9.2a3 3 0 1 1 4.4 2.6c-.9.5-1.4 1-1.4 2.2M12 17.5v.01",
  retry: "M19 12a7 7 0 1 1-2-4.9M19 4v4h-4",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20",
  mic: "M12 14.5a3 3 0 0 0 3-3v-5a3 3 0 0 0-6 0v5a3 3 0 0 0 3 3zM6 11.5a6 6 0 0 0 12 0M12 17.5V21",
  micoff: "M15 10V6.5a3 3 0 0 0-5.8-1M9 9v2.5a3 3 0 0 0 4.6 2.5M6 11.5a6 6 0 0 0 9.6 4.8M18 11.5a6 6 0 0 1-.4 2M12 17.5V21M4 4l16 16",
  cam: "M4 7h11v10H4zM15 11l5-3v8l-5-3",
  camoff: "M9 7h6v6M15 11l5-3v8l-3-1.8M4 7v10h11M4 4l16 16",
  screen: "M4 5h16v11H4zM9 20h6M12 13V8.5M9.8 10.5 12 8.3l2.2 2.2",
  record: "M12 19a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  stop: "M7 7h10v10H7z",
  grid: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  mark: "M7 4h10v16l-5-4-5 4z",
  shield: "M12 3.5 19 6v6c0 4.5-3 7-7 8.5C8 19 5 16.5 5 12V6zM9 12l2.2 2.2L15.2 10",
  warn: "M12 4.5 21 19.5H3zM12 10v4M12 17v.01",
};

/** One of them by name; hidden from screen readers, who are told by the text beside it. */
export function icon(name) {
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}

/** The mark of the product. */
export function mark() {
  return svg(
    "svg",
    { viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("rect", { width: 32, height: 32, rx: 7, fill: "#12161d" }),
    svg("path", {
      d: "M7 21h4l3-11 4 14 3-8h4", fill: "none", stroke: "#7cb0ff", "stroke-width": 2.6, "stroke-linecap": "round",
      "stroke-linejoin": "round",
    }),
  );
}
