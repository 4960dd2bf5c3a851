"""The page in a real browser: nothing is refused by its own policy, nothing overlaps its edge, it prints."""

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from html import unescape

import pytest
from PIL import Image

from butfor.core.study.plan import TableSettings
from butfor.reports.material import material_of
from butfor.reports.page.facts import Facts
from butfor.reports.page.page import page

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this machine")
COMPLAINTS = re.compile(r"CONSOLE|Refused|violates|net::ERR|Uncaught")


@pytest.fixture(scope="module")
def file(make_study, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(Facts(material_of(*make_study()))), encoding="utf-8")
    return path


def chromium(tmp_path, *arguments):
    common = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0", "--hide-scrollbars"]
    return subprocess.run(
        [CHROMIUM, *common, f"--user-data-dir={tmp_path / 'profile'}", *arguments],
        capture_output=True, text=True, check=True, timeout=180,
    )  # fmt: skip


def test_the_browser_complains_of_nothing_and_keeps_every_section(file, tmp_path):
    told = chromium(tmp_path, "--dump-dom", file.as_uri())
    assert not COMPLAINTS.search(told.stderr)
    assert told.stdout.count("<h2") == 14
    assert told.stdout.count("<svg") == file.read_text("utf-8").count("<svg")


def test_the_check_sees_what_the_policy_refuses(file, tmp_path):
    broken = tmp_path / "broken.html"
    text = file.read_text("utf-8").replace("<main>", '<main><p style="color:red">x</p><script>1</script>')
    broken.write_text(text, encoding="utf-8")
    assert COMPLAINTS.search(chromium(tmp_path, "--dump-dom", broken.as_uri()).stderr)


def test_it_is_drawn_dark_on_white_in_all_widths(file, tmp_path):
    for width in (480, 1200):
        shot = tmp_path / f"{width}.png"
        chromium(tmp_path, f"--window-size={width},3000", f"--screenshot={shot}", file.as_uri())
        with Image.open(shot) as image:
            pixels = image.convert("L")
            assert pixels.size == (width, 3000)
            assert pixels.getpixel((1, 1)) == 255
            dark = pixels.point(lambda value: value < 128 and 255)
            left, _, right, bottom = dark.getbbox()
            assert left >= 4, "text begins at the very edge"
            assert right <= width
            assert bottom > 2500


@pytest.fixture(scope="module")
def wide(make_study):
    """The tables of a page, one of them of 40 columns."""
    plan, results = make_study(seeds=6)
    names = [f"test@missing:{rate}:{name}" for rate in (0.3, 0.5, 0.7) for name in ("audio", "text", "video")]
    names += [f"test@noise:{level}" for level in (1, 2, 3, 4, 5)]
    more = [replace(one, metrics={**one.metrics, **dict.fromkeys(names, one.metrics["test"])}) for one in results]
    table = TableSettings(design="grid", layout="robustness", metrics=("weighted_f1",))
    text = page(Facts(material_of(plan.model_copy(update={"tables": (table,)}), more)))
    other = r'<section id="(?!table)[a-z]+" aria.*?</section>\n(?=<section id="[a-z]+" aria|</main>)'
    return re.sub(other, "", text, flags=re.DOTALL)


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="there is no pdftotext (poppler-utils) on this machine")
def test_no_table_is_cut_off_on_paper(wide, tmp_path):
    (shown,) = re.findall(r"<table>.*?</table>", wide, re.DOTALL)
    wanted = Counter(unescape(re.sub(r"<[^>]+>", " ", shown)).split())
    assert shown.split("</tr>")[2].count("<td") > 35
    assert not wanted - printed(wide, tmp_path)
    narrow = re.sub(r' class="wide( \w+)?"', "", wide)
    assert wanted - printed(narrow, tmp_path), "the check does not see what is cut off"


def printed(text, tmp_path):
    """Every word that stands on paper, and how often."""
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    target = tmp_path / "page.pdf"
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={target}", (tmp_path / "page.html").as_uri())
    command = ["pdftotext", "-layout", str(target), "-"]
    return Counter(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_figures_on_a_phone_keep_a_size_that_can_be_read_and_the_page_does_not_scroll_sideways(file, tmp_path):
    measured = [
        "document.documentElement.scrollWidth",
        "innerWidth",
        "document.querySelector('figure svg').getBoundingClientRect().width",
    ]
    script = f"document.getElementById('w').textContent=[{','.join(measured)}].join()"
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", file.read_text("utf-8"))
    phone = tmp_path / "phone.html"
    phone.write_text(text.replace("</main>", f'<p id="w"></p><script>{script}</script></main>'), encoding="utf-8")
    done = chromium(tmp_path, "--window-size=500,900", "--dump-dom", phone.as_uri())
    whole, window, figure = map(float, re.search(r'<p id="w">([\d.,]+)</p>', done.stdout)[1].split(","))
    assert whole <= window
    assert figure >= 36 * 16


def test_it_prints(file, tmp_path):
    printed = tmp_path / "report.pdf"
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={printed}", file.as_uri())
    content = printed.read_bytes()
    assert content.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 20
