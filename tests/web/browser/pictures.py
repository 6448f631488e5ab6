"""Make the pictures of README and docs from the screenshots that the tests of this folder left in build/screenshots.

python -m tests.web.browser.pictures
"""

from PIL import Image

from tests.servers import ROOT

DOCS_WIDTH = 960
PICTURES = {
    "asset": ("asset", 1240),
    "assets": ("assets", 800),
    "share": ("share", 1160),
    "share-dark": ("share-sequence-dark", 1010),
    "share-phone": ("share-collection-phone", 844),
    "storage": ("storage", 1400),
}
"""Name of each, the screenshot that it is of, and how much of its height is shown."""


def main() -> None:
    for name, (shot, height) in PICTURES.items():
        with Image.open(ROOT / "build" / "screenshots" / f"{shot}.png") as shown:
            cut = shown.convert("RGB").crop((0, 0, shown.width, min(height, shown.height)))
        width = min(DOCS_WIDTH, cut.width)
        small = cut.resize((width, round(cut.height * width / cut.width)), Image.Resampling.LANCZOS)
        small.quantize(256, dither=Image.Dither.NONE).save(ROOT / "docs" / "images" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
