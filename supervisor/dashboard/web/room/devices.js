// Cameras, microphones and screens: which there are, what they give, and what they are asked for.

/** Heights that are offered where the camera can do them, with what is recorded of each. */
export const SIZES = [
  { height: 2160, width: 3840, label: "4K (2160p)", bps: 20_000_000 },
  { height: 1440, width: 2560, label: "1440p", bps: 12_000_000 },
  { height: 1080, width: 1920, label: "1080p", bps: 8_000_000 },
  { height: 720, width: 1280, label: "720p", bps: 5_000_000 },
  { height: 360, width: 640, label: "360p", bps: 1_500_000 },
];
export const SCREEN_BPS = 8_000_000;
export const OPUS_BPS = 160_000;
export const PCM_BPS = 48_000 * 32; // 32-bit float, one channel
const USUAL_HEIGHT = 1080;
const SAYS = {
  NotAllowedError: "The browser was not allowed to use it. Allow it in the address bar, then try again.",
  NotFoundError: "There is none on this device.",
  NotReadableError: "Another program is using it, or it was unplugged. Close that program, then try again.",
  OverconstrainedError: "It cannot do what was asked of it. Choose another.",
  AbortError: "It stopped while it was being opened. Try again.",
};

/** What is wrong with a device, and what to do. */
export const toldOf = (error) => SAYS[error.name] ?? `It could not be opened (${error.name}).`;

/** {mics, cams}: each {id, label}. Labels are there once one was opened. */
export async function devices() {
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind, word) => all.filter((each) => each.kind === kind && each.deviceId).map((each, at) => ({ id: each.deviceId, label: each.label || `${word} ${at + 1}` }));
  return { mics: of("audioinput", "Microphone"), cams: of("videoinput", "Camera") };
}

/** With headphones nothing has to be taken out of the sound; without, the others would be heard in it. */
export async function openMic(id, { hasHeadphones }) {
  const cleaned = !hasHeadphones;
  const audio = {
    deviceId: id ? { exact: id } : undefined, channelCount: { ideal: 1 }, sampleRate: { ideal: 48_000 },
    echoCancellation: cleaned, noiseSuppression: cleaned, autoGainControl: cleaned,
  };
  return (await navigator.mediaDevices.getUserMedia({ audio })).getAudioTracks()[0];
}

export async function openCam(id, size) {
  const video = { deviceId: id ? { exact: id } : undefined, width: { ideal: size.width }, height: { ideal: size.height }, frameRate: { ideal: 30, max: 60 } };
  const [track] = (await navigator.mediaDevices.getUserMedia({ video })).getVideoTracks();
  track.contentHint = "motion";
  return track;
}

/** The screen, a window or a tab: the person chooses. */
export async function openScreen() {
  const [track] = (await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: false })).getVideoTracks();
  track.contentHint = "detail";
  return track;
}

/** The sizes that a camera can do, the largest first; all up to 1080p where it does not say. */
export function sizesOf(track) {
  const most = track?.getCapabilities?.().height?.max ?? USUAL_HEIGHT;
  const can = SIZES.filter(({ height }) => height <= most);
  return can.length ? can : SIZES.slice(-1);
}

/** What is chosen where nothing was: 1080p, or the next below. */
export const usualSize = (sizes) => sizes.find(({ height }) => height <= USUAL_HEIGHT) ?? sizes[0];

/** What a track really gives, for people. */
export function gives(track) {
  const { width, height, frameRate, sampleRate } = track.getSettings();
  if (track.kind === "audio") return sampleRate ? `${(sampleRate / 1000).toLocaleString()} kHz` : "";
  return width ? `${width} × ${height}${frameRate ? `, ${Math.round(frameRate)} fps` : ""}` : "";
}
