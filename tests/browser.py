"""Pages as a browser lays them out: what is cut off, and what lies outside its picture."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Final

FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--enable-logging=stderr",
    "--v=0",
)
WIDTHS: Final = (380, 800, 1100)
_SLACK: Final = 1.5  # pixels
_MOST: Final = 0.15  # of a picture that may be blank at a side

# A page forbids scripts, so the page around it measures: each width is a frame of its own.
_FRAMES: Final = """\
<!DOCTYPE html><html><head><meta charset="utf-8"></head><body><pre id="found"></pre><script>
const page = PAGE, widths = WIDTHS, slack = SLACK, most = MOST, found = {};

function seen(element) {
  const box = element.getBoundingClientRect();
  return box.width > 1.5 && box.height > 0;
}

function texts(element) {
  const range = element.ownerDocument.createRange();
  range.selectNodeContents(element);
  return [...range.getClientRects()].filter((box) => box.width > 0.5 && box.height > 0.5);
}

function outside(inner, outer, vertical) {
  return inner.left < outer.left - slack || inner.right > outer.right + slack
    || (vertical && (inner.top < outer.top - slack || inner.bottom > outer.bottom + slack));
}

function name(element) {
  const text = element.textContent.trim().replace(/\\s+/g, " ");
  return element.tagName + ' "' + text.slice(0, 60) + '"';
}

function measure(frame, width) {
  const inside = frame.contentDocument, wrong = [], root = inside.documentElement;
  for (const details of inside.querySelectorAll("details")) details.open = true;
  if (root.scrollWidth > width) wrong.push("the page is " + root.scrollWidth + " px wide");
  const narrow = width < 761;
  for (const cell of inside.querySelectorAll("td, th, caption")) {
    if (!seen(cell) || (cell.closest("thead") && narrow)) continue;
    const box = cell.getBoundingClientRect(), holder = cell.closest(".scroll, .tracks > div");
    for (const text of texts(cell)) {
      if (cell.querySelector(".digest")) break; // shortened on purpose
      if (!cell.matches(".drawn") && outside(text, box, false)) {
        wrong.push("a text leaves its cell: " + name(cell)); break;
      }
      if (narrow && holder && outside(text, holder.getBoundingClientRect(), false)) {
        wrong.push("a cell is cut: " + name(cell)); break;
      }
    }
  }
  if (narrow) for (const holder of inside.querySelectorAll(".scroll, pre")) {
    const wide = holder.scrollWidth > holder.clientWidth + 1;
    if (wide) wrong.push("must be scrolled: " + name(holder));
  }
  for (const chart of inside.querySelectorAll("svg.chart")) {
    if (!seen(chart)) continue;
    const box = chart.getBoundingClientRect(), label = chart.getAttribute("aria-label");
    if (box.left < -slack || box.right > width + slack) wrong.push("a picture is cut: " + label);
    for (const mark of chart.querySelectorAll("g > use, text")) {
      const own = mark.getBoundingClientRect();
      if (own.width && outside(own, box, true)) wrong.push(label + ": outside lies " + name(mark));
    }
    const drawn = [...chart.querySelectorAll("path, use, text")]
      .map((mark) => mark.getBoundingClientRect())
      .filter((own) => own.width < 0.99 * box.width || own.height < 0.99 * box.height);
    const blank = {
      left: (Math.min(...drawn.map((own) => own.left)) - box.left) / box.width,
      right: (box.right - Math.max(...drawn.map((own) => own.right))) / box.width,
      top: (Math.min(...drawn.map((own) => own.top)) - box.top) / box.height,
      bottom: (box.bottom - Math.max(...drawn.map((own) => own.bottom))) / box.height,
    };
    for (const side in blank)
      if (blank[side] > most) wrong.push(label + ": blank at the " + side);
  }
  const page = {left: 0, right: width};
  for (const text of inside.querySelectorAll("h1, h2, h3, p, li, figcaption, dd, summary")) {
    if (seen(text) && texts(text).some((box) => outside(box, page, false)))
      wrong.push("a text leaves the page: " + name(text));
  }
  return [...new Set(wrong)];
}

for (const width of widths) {
  const frame = document.createElement("iframe");
  frame.style = "border: 0; height: 1000px; width: " + width + "px";
  frame.onload = () => {
    found[width] = measure(frame, width);
    document.getElementById("found").textContent = JSON.stringify(found);
  };
  frame.srcdoc = page;
  document.body.append(frame);
}
</script></body></html>
"""


def dumped(chromium: str, page: Path, profile: Path) -> tuple[str, str]:
    """A page's DOM as the browser built it, and what the browser logged."""
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def faults(chromium: str, page: str, folder: Path) -> dict[str, list[str]]:
    """What does not fit, by the width of the screen in pixels; all details are open.

    Args:
        chromium: the browser's program.
        page: the page's HTML.
        folder: an empty one, for the browser.
    """
    text = json.dumps(page).replace("<", "\\u003c")
    frames = _FRAMES.replace("SLACK", str(_SLACK)).replace("WIDTHS", json.dumps(WIDTHS))
    frames = frames.replace("MOST", str(_MOST))
    path = folder / "frames.html"
    path.write_text(frames.replace("PAGE", text), encoding="utf-8")
    dom, _ = dumped(chromium, path, folder / "profile")
    shown = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)
    assert shown is not None
    found: dict[str, list[str]] = json.loads(unescape(shown[1]))
    assert sorted(found) == sorted(map(str, WIDTHS)), "every width was measured"
    return found


def assert_fits(chromium: str, page: str, folder: Path) -> None:
    """No cell is cut, and all marks and texts lie in their pictures, at every width."""
    found = {width: wrong for width, wrong in faults(chromium, page, folder).items() if wrong}
    assert not found, found
