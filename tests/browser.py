"""A page in a real browser, as wide as a phone or a screen, and what is seen wrong in it."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
# Its own requests go to a dead proxy.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"]
FLAGS += ["--proxy-server=127.0.0.1:9", "--virtual-time-budget=20000"]
# Chromium's window has a least width of 500; a frame has none.
FRAME = """<iframe src="{page}" width="{width}" height="2000" style="border: 0"></iframe>
<script>addEventListener("message", told => document.title = told.data)</script>"""
PROBE = """<script>
addEventListener("load", async () => {
  const isWaiting = () => document.querySelector("figure[data-live]") && !document.querySelector(".live svg");
  for (let i = 0; i < 10 || (isWaiting() && i < 100); i++) await new Promise(drawn => setTimeout(drawn, 100));
  const folded = [...document.querySelectorAll("main details > *:not(summary)")].filter(e => !e.checkVisibility());
  const n_folded = {tables: folded.filter(e => e.matches(".table")).length};
  n_folded.figures = folded.reduce((n, e) => n + e.querySelectorAll("figure").length, 0);
  const heights = [document.body.scrollHeight];
  // On paper they are in sight by a rule of the page.
  if (!IS_PRINTED) for (const one of document.querySelectorAll("details")) one.open = true;
  heights.push(document.body.scrollHeight);
  const pictures = [...document.images];
  const alive = [...document.querySelectorAll(".live svg")];
  const images = [
    ...pictures.map(i => ({alt: i.alt, width: i.naturalWidth, shown: i.clientWidth, isLive: false})),
    ...alive.map(s => ({alt: s.ariaLabel, width: s.viewBox.baseVal.width, shown: s.clientWidth, isLive: true})),
  ];
  const tables = [...document.querySelectorAll(".table")].map(box => {
    const end = Math.min(innerWidth, box.getBoundingClientRect().right);
    const seen = [...box.querySelectorAll("thead th")].filter(th => th.getBoundingClientRect().right <= end);
    const rows = [...box.querySelectorAll("tbody tr")];
    const named = [...box.querySelectorAll("td")].filter(td => getComputedStyle(td, "::before").content !== "none");
    const isOfCards = rows.every(row => getComputedStyle(row).display === "block") && named.length > 0;
    box.scrollLeft = 9999;
    const names = Math.max(...rows.map(row => row.cells[0].offsetWidth)) / box.clientWidth;
    return {seen: seen.map(th => th.textContent), scrolled: box.scrollLeft, isOfCards, names};
  });
  const contents = document.querySelector("nav");
  const hidden = contents ? contents.scrollWidth - contents.clientWidth : 0;
  const chips = [...document.querySelectorAll(".verdict")].map(chip => [chip, [...chip.getClientRects()]]);
  const shown = chips.filter(([, rects]) => rects.length > 0);
  const broken = shown.filter(([, rects]) => rects.length > 1).map(([chip]) => chip.textContent);
  const isTouching = ([, [a]], [, [b]]) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const isCrowded = (one, i) => shown.slice(i + 1).some(two => isTouching(one, two));
  const touching = shown.filter(isCrowded).map(([chip]) => chip.textContent);
  const verdicts = [...new Set(shown.map(([chip]) => chip.textContent))];
  const end = document.querySelector(".wides")?.getBoundingClientRect().bottom ?? 0;
  const first_figures_end = end - document.body.getBoundingClientRect().top;
  const mark = document.querySelector("svg.marks .mark-symbol.role-mark path");
  if (mark) {
    const {left, top, width, height} = mark.getBoundingClientRect();
    const at = {bubbles: true, clientX: left + width / 2, clientY: top + height / 2};
    for (const move of [new PointerEvent("pointermove", at), new MouseEvent("mousemove", at)]) mark.dispatchEvent(move);
  }
  const lines = document.querySelectorAll("#vg-tooltip-element.visible :is(h2, tr)");
  const cells = line => [...line.querySelectorAll("td")].map(td => td.textContent);
  const told = [...lines].map(line => cells(line).join(": ") || line.textContent);
  const hints = [...document.querySelectorAll(".hint")].map(hint => hint.textContent);
  const sorted = [...document.querySelectorAll("main table")].map(table => {
    return [0, 1].map(column => {
      table.tHead.rows[0].cells[column].querySelector("button")?.click();
      const rows = [...table.tBodies[0].rows];
      return rows.map(row => ({text: row.cells[column].textContent, isAside: row.className === "aside"}));
    });
  });
  const ground = getComputedStyle(document.body).backgroundColor;
  const overflow = document.documentElement.scrollWidth - innerWidth;
  // Pictures within an <img> cannot be looked into, so each is laid out on the page as well.
  for (const i of pictures.filter(i => i.src.startsWith("data:image/svg"))) {
    const shown = document.createElement("div");
    shown.innerHTML = new TextDecoder().decode(Uint8Array.from(atob(i.src.split(",")[1]), c => c.charCodeAt(0)));
    document.body.append(shown);
  }
  const cut = [], overlapping = [];
  const drawings = [...document.querySelectorAll("svg.marks")];
  let n_texts = 0;
  for (const svg of drawings) {
    const frame = svg.getBoundingClientRect();
    const drawn = [...svg.querySelectorAll("text")].filter(t => t.textContent && t.getAttribute("opacity") !== "0");
    const texts = drawn.map(t => [t.textContent, t.getBoundingClientRect()]);
    n_texts += texts.length;
    for (const [text, box] of texts) {
      const isWide = box.left < frame.left || box.right > frame.right;
      if (isWide || box.top < frame.top || box.bottom > frame.bottom || text.endsWith("\\u2026")) cut.push(text);
    }
    texts.forEach(([one, a], i) => texts.slice(i + 1).forEach(([two, b]) => {
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // Boxes are as high as the font, which has room above and below its letters.
      if (width > 0.5 && height > 4 && one !== two) overlapping.push([one, two]);
    }));
  }
  const asked = performance.getEntriesByType("resource").map(e => e.name).filter(n => !/^(data|file):/.test(n));
  const n_drawings = drawings.length, width = innerWidth;
  const seen = {
    ...{width, ground, images, tables, sorted, overflow, n_drawings, n_texts, cut, overlapping, asked},
    ...{n_folded, heights, hidden, verdicts, broken, touching, first_figures_end, told, hints},
  };
  parent.postMessage(JSON.stringify(seen), "*");
});
</script>"""


def look(page: Path, width: int, folder: Path, is_dark: bool = False, is_printed: bool = False) -> dict[str, Any]:
    """What a page looks like in a window `width` wide, or with the rules for print; `folder` is for what this needs.

    images: alt, natural and shown width of each, and whether it answers to the pointer; tables: the heads in sight, how
    far it scrolls, whether its rows are cards, the share of its width that the names of the rows take; sorted: the
    first two columns of each, once their heads were pressed; ground: the colour behind; overflow: by how much the page
    scrolls sideways; n_drawings, n_texts: drawings, and texts in them; cut, overlapping: which of the texts are; asked:
    the addresses that it loads; n_folded: what lines hide; heights: the page's while they do, and with all open, as it
    is for all else; hidden: how much of the contents is out of sight; verdicts: those that stand in a box, broken,
    touching: which of the boxes are; first_figures_end: where on the page; told: what the first mark tells where it is
    pointed at; hints: what the page says of its charts.
    """
    probed = folder / "probed.html"
    # The page's own script is known by its hash, the probe by nothing.
    text = re.sub(r"script-src '[^']*'", "script-src 'unsafe-inline'", page.read_text())
    if is_printed:
        text = text.replace("@media print", "@media all").replace("@media screen", "@media speech")
    before, _, after = text.rpartition("</body>")
    probe = PROBE.replace("IS_PRINTED", str(is_printed).lower())
    probed.write_text(f"{before}{probe}</body>{after}")
    framed = folder / "framed.html"
    framed.write_text(FRAME.format(page=probed.name, width=width))
    found = re.search(r"<title>(.*?)</title>", dump(framed, folder, is_dark).stdout, re.DOTALL)
    assert found, "the page has told nothing"
    return json.loads(html.unescape(found[1]))


def dump(page: Path, folder: Path, is_dark: bool = False) -> subprocess.CompletedProcess[str]:
    """The page's document after it has loaded, and what its console says on stderr."""
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", "--window-size=1400,2100"]
    command += ["--blink-settings=preferredColorScheme=0"] if is_dark else []
    return subprocess.run([*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120)
