"""Take screenshots of the question explorer for docs/explorer.md.

    python docs/explorer_screenshots.py [REPORT [FOLDER]]

The report is that of the demo, by default demo/report.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from browser import chromium

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = "#q=482&model=embedded&task=mmlu_pro_cot"
SHOTS = (("explorer_1400", 1400, 1130, "light"), ("explorer_400", 400, 1000, "dark"))
SETTLED = """new Promise((done) => { const look = () => {
  const ready = document.getElementById('explorer').dataset.ready === 'yes';
  ready && document.querySelector('#x-question h3') ? setTimeout(done, 300) : setTimeout(look, 5);
}; look(); })"""


def main() -> None:
    """Open a question of the demo at both sizes, and write the pictures."""
    given = [Path(argument) for argument in sys.argv[1:]]
    report, folder, *_ = [*given, *(ROOT / "demo/report", ROOT / "docs/images")[len(given) :]]
    for name, width, height, scheme in SHOTS:
        with chromium() as browser:
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            browser.call("Emulation.setDeviceMetricsOverride", **size)
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.call("Emulation.setEmulatedMedia", features=features)
            browser.call("Emulation.setScrollbarsHidden", hidden=True)
            browser.open((report / "index.html").resolve(), ADDRESS)
            browser.value(SETTLED)
            picture = browser.call("Page.captureScreenshot")["data"]
        (folder / f"{name}.png").write_bytes(base64.b64decode(picture))
        sys.stdout.write(f"{folder / name}.png\n")


if __name__ == "__main__":
    main()
