// The player beyond what browsers have: frames, timecode, speed, loop, the time line, and comments at a moment.
const player = document.getElementById("player");
const media = player.querySelector("video, audio");
const [over, under] = (player.dataset.rate || "").split("/").map(Number);
const rate = over ? over / (under || 1) : 0;
const fps = Math.max(1, Math.round(rate));
const find = (name) => player.querySelector(`[data-${name}]`);
const isSequence = "first" in player.dataset;
const holes = (player.dataset.holes || "").split(",").filter(Boolean)
  .map((run) => run.match(/^(-?\d+)-(-?\d+)$/).slice(1).map(Number));

const two = (number) => String(number).padStart(2, "0");
// The small addition keeps a time that is the start of a frame from falling into the frame before.
const frameNow = () => Math.floor(media.currentTime * rate + 0.01);
const lastFrame = () => Math.max(0, Math.round(media.duration * rate) - 1);

function timecode(frames) {
  const drop = player.dataset.drop ? Math.round(fps / 15) : 0;
  if (drop) {
    const tens = Math.floor(frames / (600 * fps - 9 * drop));
    const rest = frames % (600 * fps - 9 * drop);
    frames += 9 * drop * tens + (rest >= drop ? drop * Math.floor((rest - drop) / (60 * fps - drop)) : 0);
  }
  const seconds = Math.floor(frames / fps);
  const parts = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  return `${parts.map(two).join(":")}${drop ? ";" : ":"}${two(frames % fps)}`;
}

function clock() {
  if (rate) return timecode(Number(player.dataset.start) + frameNow());
  return `${Math.floor(media.currentTime / 60)}:${two(Math.floor(media.currentTime % 60))}`;
}

function show() {
  if (!media.duration) return;
  const scrub = find("scrub");
  scrub.step = rate ? 1 : 0.1;
  scrub.max = rate ? lastFrame() + 1 : media.duration;
  scrub.value = rate ? frameNow() : media.currentTime;
  find("timecode").textContent = clock();
  scrub.setAttribute("aria-valuetext", clock());
  if (!isSequence) return;
  const frame = Number(player.dataset.first) + Math.min(frameNow(), lastFrame()) * Number(player.dataset.step);
  const isMissing = holes.some(([first, last]) => first <= frame && frame <= last);
  find("frame").textContent = `Frame ${frame}${isMissing ? " has no file; the frame before is shown" : ""}`;
}

// The middle of a frame, so that rounding never shows its neighbour.
const seekFrame = (frame) => { media.currentTime = (Math.min(Math.max(frame, 0), lastFrame()) + 0.5) / rate; };

function stepBy(by) {
  media.pause();
  if (rate) seekFrame(frameNow() + by);
  else media.currentTime += by;
}

function showDrawing(comment) {
  const old = player.querySelector(".stage > .drawing");
  if (old) old.remove();
  const drawing = comment && comment.querySelector(":scope > .drawing");
  if (drawing) player.querySelector(".stage").append(drawing.cloneNode(true));
}

for (const event of ["timeupdate", "seeked", "loadedmetadata", "durationchange"]) media.addEventListener(event, show);
media.addEventListener("play", () => showDrawing(null));
if (media.requestVideoFrameCallback) {
  const follow = () => { show(); media.requestVideoFrameCallback(follow); };
  media.requestVideoFrameCallback(follow);
}
for (const button of player.querySelectorAll("[data-by]")) button.addEventListener("click", () => stepBy(Number(button.dataset.by)));
find("scrub").addEventListener("input", (event) => {
  media.pause();
  if (rate) seekFrame(Number(event.target.value));
  else media.currentTime = Number(event.target.value);
});
find("speed").addEventListener("change", (event) => { media.playbackRate = Number(event.target.value); });
find("loop").addEventListener("change", (event) => { media.loop = event.target.checked; });

// The moment of the next comment: that of the time line, unless one is being written.
function fillTime(isAsked) {
  const at = document.getElementById("at");
  if (at && (isAsked || !document.getElementById("text").value)) at.value = clock();
}
find("scrub").addEventListener("change", () => fillTime(false));
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-here]")) return;
  media.pause();
  fillTime(true);
  document.getElementById("text").focus();
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-seek]");
  if (!link) return;
  media.pause();
  const seconds = Number(link.dataset.seek) / 1000;
  if (rate) seekFrame(Math.round(seconds * rate));
  else media.currentTime = seconds;
  showDrawing(link.closest(".comment"));
});

// Keys work while the focus is in the player, so that they never meet those of a screen reader or a form.
const KEYS = { ",": () => stepBy(-1), ".": () => stepBy(1), k: toggle, j: () => { media.currentTime -= 5; }, l: () => { media.currentTime += 5; } };
function toggle() { if (media.paused) media.play(); else media.pause(); }
player.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
});
show();
