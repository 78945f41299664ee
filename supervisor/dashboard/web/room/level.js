// How loud a microphone is, ten times a second: for the meter, the clip light and "no sound for 10 s".

const TURN_MS = 100;
const CLIPPING = 0.985;
const CLIP_SHOWN_MS = 1500;
const QUIET = 0.0006; // -64 dBFS: a microphone that is off, or another one
const QUIET_MS = 10_000;
let audio = null;

/** Watches `track` until `stop`; tells {peak, rms, clip, isSilent}, 0 to 1. */
export function watchLevel(track, tell) {
  audio ??= new AudioContext();
  audio.resume();
  const source = audio.createMediaStreamSource(new MediaStream([track]));
  const meter = new AnalyserNode(audio, { fftSize: 4096 });
  source.connect(meter);
  const samples = new Float32Array(meter.fftSize);
  let clippedAt = -Infinity;
  let heardAt = performance.now();
  const timer = setInterval(() => {
    meter.getFloatTimeDomainData(samples);
    let peak = 0;
    let power = 0;
    for (const sample of samples) {
      peak = Math.max(peak, Math.abs(sample));
      power += sample * sample;
    }
    const now = performance.now();
    if (peak >= CLIPPING) clippedAt = now;
    if (peak > QUIET) heardAt = now;
    tell({ peak: Math.min(peak, 1), rms: Math.min(Math.sqrt(power / samples.length), 1), clip: now - clippedAt < CLIP_SHOWN_MS, isSilent: now - heardAt > QUIET_MS });
  }, TURN_MS);
  return () => {
    clearInterval(timer);
    source.disconnect();
  };
}

/** Where a level stands on a meter of 60 dB, 0 to 1. */
export const onMeter = (value) => Math.max(0, Math.min(1, 1 + (20 * Math.log10(Math.max(value, 1e-6))) / 60));
