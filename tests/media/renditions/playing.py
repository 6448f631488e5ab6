"""Playing a file in a real browser: a page on loopback that says what it saw of the video."""

import http.server
import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = b"""<!doctype html><title>player</title>
<video muted autoplay playsinline src="/video"></video><script>
const video = document.querySelector("video");
const tell = (what) => fetch("/said?" + new URLSearchParams({what: JSON.stringify(what)}));
video.onerror = () => tell({error: video.error.message || video.error.code});
video.ontimeupdate = () => {
  if (video.currentTime < 0.3) return;
  const quality = video.getVideoPlaybackQuality();
  tell({width: video.videoWidth, height: video.videoHeight, duration: video.duration, shown: quality.totalVideoFrames});
};
</script>"""
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-extensions", "--autoplay-policy=no-user-gesture-required"),
)


@contextmanager
def served(path: Path) -> Iterator[tuple[str, "queue.Queue[dict[str, Any]]"]]:
    """The address of a page that plays the file, and what the page says."""
    heard: queue.Queue[dict[str, Any]] = queue.Queue()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/said":
                heard.put(json.loads(parse_qs(asked.query)["what"][0]))
            content = {"/video": path.read_bytes(), "/": PAGE}.get(asked.path, b"")
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4" if asked.path == "/video" else "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """The test's output is not for this."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def played(chromium: str, path: Path, profile: Path, seconds: float = 60.0) -> dict[str, Any]:
    """What the browser says of the video once it has played for a moment, or of what went wrong."""
    with served(path) as (address, heard):
        browser = subprocess.Popen(
            [chromium, *FLAGS, f"--user-data-dir={profile}", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return heard.get(timeout=seconds)
        finally:
            browser.terminate()
            browser.wait(10)
