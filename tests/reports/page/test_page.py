"""The page of a study: every section, numbers as in the tables, nothing loaded, nothing run, the same bytes again."""

import csv
import io
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from butfor.core.evidence import Evidence
from butfor.core.study.plan import PlannedClaim, PlannedMetric, PlannedRow, TableSettings
from butfor.reports.data import csv as csv_of
from butfor.reports.material import material_of
from butfor.reports.page.facts import Facts
from butfor.reports.page.page import page

SECTIONS = [
    "answer", "tables", "differences", "interactions", "seeds", "curves", "robustness", "cost", "evidence", "failed",
    "compared", "provenance", "commands", "bibliography",
]  # fmt: skip
IDENTITY = {"butfor": "0.1", "engine": "stack", "torch": "2.13", "fusion:mean": "abc"}
VOID = {"meta", "link", "br", "img", "input"}


class Tags(HTMLParser):
    """Every tag with its attributes; checks that each is closed."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.data = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.data.append(data)

    def named(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def facts_of(study, evidence=()):
    plan, results = study
    ends = ["2026-01-01T10:00:00+00:00", "2026-01-01T11:00:00+00:00"]
    return Facts(material_of(plan, results), tuple(evidence), [IDENTITY], ends)


@pytest.fixture(scope="module")
def whole(make_study):
    return page(facts_of(make_study()))


def section(text, name):
    return re.search(rf'<section id="{name}".*?(?=<section id="(?:{"|".join(SECTIONS)})"|</main>)', text, re.DOTALL)[0]


def words(text):
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))


def test_the_sections_stand_in_order_and_the_contents_lead_to_them(whole):
    tags = Tags(whole)
    names = [attributes.get("id") for attributes in tags.named("section")]
    assert [name for name in names if name in SECTIONS] == SECTIONS
    assert [attributes["href"] for attributes in tags.named("a")] == [f"#{name}" for name in SECTIONS]
    assert tags.open == []


def test_headings_go_down_by_one_and_there_is_one_title(whole):
    levels = [int(tag[1]) for tag, _ in Tags(whole).found if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_names_are_unique_and_every_region_is_labelled(whole):
    tags = Tags(whole)
    names = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
    assert len(names) == len(set(names))
    for _, attributes in tags.found:
        for name in attributes.get("aria-labelledby", "").split():
            assert name in names
        if attributes.get("role") == "region":
            assert attributes["aria-label"]
    assert tags.named("html") == [{"lang": "en"}]
    assert all("scope" in attributes for attributes in tags.named("th"))
    assert len(tags.named("svg")) == len(tags.named("title")) - 1 == len(tags.named("desc"))


def test_nothing_is_loaded_and_nothing_runs(whole):
    tags = Tags(whole)
    kinds = {tag for tag, _ in tags.found}
    assert kinds.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "image", "base", "form"})
    attributes = {name for _, found in tags.found for name in found}
    assert not any(name.startswith("on") or name in {"style", "src", "srcset", "action"} for name in attributes)
    assert "@import" not in whole
    assert not re.search(r"url\((?!#)", whole)
    (policy,) = [found["content"] for found in tags.named("meta") if found.get("http-equiv")]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_policy_allows_just_the_style_that_is_there(whole):
    import base64
    import hashlib

    (style,) = re.findall(r"<style>(.*?)</style>", whole, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in unescape(whole)


def test_the_same_facts_give_the_same_bytes(make_study, whole):
    assert page(facts_of(make_study())) == whole


def test_numbers_on_the_page_are_those_of_the_csv(make_study, whole):
    facts = facts_of(make_study())
    copies = [unescape(text) for text in re.findall(r"<summary>CSV</summary><pre[^>]*>(.*?)</pre>", whole, re.DOTALL)]
    shown = re.findall(r'<section id="table-[^"]*">.*?</section>', whole, re.DOTALL)
    assert copies == [csv_of(table).rstrip("\n") for table in facts.material.tables]
    for copy, table in zip(copies, shown, strict=True):
        text = words(table.split("<details")[0])
        for row in csv.DictReader(io.StringIO(copy)):
            for metric in ("weighted_f1", "mse"):
                if row.get(metric):
                    assert f"{float(row[metric]):.3f} ± {float(row[f'{metric}_sd']):.3f}" in text
                if row.get(f"{metric}_delta"):
                    places = 4 if row.get("effect") else 3  # effects stand in the notes, with one digit more
                    assert f"{float(row[f'{metric}_delta']):+.{places}f}".replace("-", "−") in text


def test_every_table_can_be_copied_as_latex_markdown_and_csv(whole):
    for form, sign in (("LaTeX", r"\begin{table}"), ("Markdown", "| System"), ("CSV", "cell,label")):
        found = re.findall(rf"<summary>{form}</summary><pre[^>]*>(.*?)</pre>", whole, re.DOTALL)
        assert len(found) == 2
        assert all(sign in unescape(text) for text in found)


def test_the_answer_names_what_is_worse_and_by_how_much(whole):
    told = words(section(whole, "answer"))
    assert re.search(
        r"Of one system compared with “full” \(Weighted F1 0\.7\d\d ± 0\.0\d\d, test split\), 1 is shown to "
        r"be worse: w/o gate \(−0\.\d{3}\)\.",
        told,
    )
    assert "Grid. Of 3 systems compared with “full”" in told


def test_conclusions_that_others_drew_are_the_answer_and_tables_of_one_design_tell_their_split(make_study):
    plan, results = make_study()
    about = {"design": "grid", "metric": "weighted_f1", "split": "test"}
    claims = (
        PlannedClaim(says="the gate helps", better="full", than=("less",), **about),
        PlannedClaim(says="it hurts", better="less", than=("full",), **about),
    )
    tables = tuple(TableSettings(design="grid", split=split) for split in ("test", "test@missing:0.3"))
    claimed = plan.model_copy(update={"claims": claims, "tables": tables, "imported": "runs.csv"})
    text = page(facts_of((claimed, results)))
    told = words(section(text, "answer"))
    assert "Of 2 conclusions that were drawn from these runs, 1 stands, 1 is contradicted." in told
    assert "“the gate helps”: stands" in told
    assert re.findall(r"<h3>(Grid[^<]*)</h3>", section(text, "tables")) == ["Grid (test)", "Grid (test@missing:0.3)"]
    assert "<code>butfor import small.yaml</code>" in text


def test_with_few_seeds_the_answer_says_that_nothing_is_settled(make_study):
    told = words(section(page(facts_of(make_study(seeds=3))), "answer"))
    assert "With 3 seeds no difference is settled (5 are the fewest)" in told
    assert "the largest difference is that of w/o gate (−0.2" in told


def test_a_study_of_one_seed_has_its_page(make_study):
    text = page(facts_of(make_study(seeds=1)))
    assert "With 1 seed no difference is settled (5 are the fewest)" in words(text)
    assert Tags(text).open == []


def test_failed_and_missing_trials_are_told_of(make_study):
    plan, _ = make_study()
    gone = {plan.trials[6].key: "diverged", plan.trials[7].key: "missing", plan.trials[8].key: "failed"}
    text = page(facts_of(make_study(states=gone)))
    told = words(section(text, "failed"))
    assert "the loss is not finite" in told
    assert plan.trials[6].key in told
    assert "w/o gate1 of 6" in told.replace(" ", "", 0)
    assert "21 done, 1 failed, 1 diverged, 1 missing of 24 trials" in words(text)


def test_a_study_that_has_not_begun_has_its_page(make_study):
    plan, _ = make_study()
    text = page(facts_of((plan, [])))
    assert "There is no answer yet: 0 of 12 trials are done." in words(section(text, "answer"))
    assert "0 done, 24 missing of 24 trials" in words(text)
    assert Tags(text).open == []
    assert "<svg" not in text


def test_a_study_without_tables_shows_its_systems(make_study):
    plan, results = make_study()
    text = page(facts_of((plan.model_copy(update={"tables": (), "designs": ()}), results)))
    assert "asks for no table" in words(section(text, "answer"))
    assert "Means ± sd, test split" in words(section(text, "tables"))
    assert f"{material_of(plan, results).tables[0].rows[0].scores['weighted_f1'].mean:.3f}" in section(text, "tables")


def test_conditions_stand_in_a_table_of_their_own(whole):
    found = section(whole, "robustness")
    headings = ["System", "clean", "each modality missing in 30 %", "each modality missing in 70 %", "without audio"]
    assert "".join(f'<th scope="col">{text}</th>' for text in headings) in found
    assert "Parts: Weighted F1 under each condition, test split" in found


def test_evidence_stands_with_its_marks_and_what_they_mean(make_study):
    seen = [
        Evidence(cell="mean", question="factors", phase="before", message="all is well"),
        Evidence(
            cell="less", question="same computation", phase="before", message="reads nothing", mark="≡", other="full"
        ),
    ]
    told = words(section(page(facts_of(make_study(), seen)), "evidence"))
    assert "≡ the same computation as another system" in told
    assert told.index("reads nothing") < told.index("all is well")
    assert "its fusion is not stackable" in told


def test_what_was_seen_alike_in_several_places_stands_once_with_all_of_them(make_study):
    same = {"cell": "less", "question": "dead parameters", "phase": "before", "message": "no gradient reaches 2"}
    seen = [Evidence(**same, paths=(f"encoder.{name}",)) for name in ("audio", "text")]
    told = words(section(page(facts_of(make_study(), seen)), "evidence"))
    assert told.count("no gradient reaches 2") == 1
    assert "encoder.audio; encoder.text" in told


def test_fusion_weights_stand_as_numbers_by_system_and_condition(whole):
    found = section(whole, "robustness")
    assert "Parts: mean fusion weights of text / audio, test split" in found
    assert '<th scope="row">w/o gate</th><td>0.70 / 0.30</td><td>0.80 / 0.20</td>' in found


def test_how_systems_were_compared_is_said_for_each_table(whole):
    told = words(section(whole, "compared"))
    assert "paired t" in told
    assert "Holm over 2" in told
    assert "Holm over 3" in told
    assert "6 seeds" in told
    assert "no finding of “no effect”" in told


def test_commands_train_each_row_again(whole):
    commands = [unescape(text) for text in re.findall(r"<code>(butfor [^<]+)</code>", section(whole, "commands"))]
    assert commands[:2] == ["butfor run small.yaml --only parts --seeds 6", "butfor rerun 000000000000 small.yaml"]
    assert "butfor run small.yaml --only grid --seeds 6" in commands


def test_a_file_with_an_odd_name_is_quoted(make_study):
    plan, results = make_study(seeds=1)
    text = page(facts_of((plan.model_copy(update={"source": "my study; rm -rf.yaml"}), results)))
    assert "butfor run 'my study; rm -rf.yaml' --only" in unescape(text)


def test_provenance_has_versions_dates_and_parts(whole):
    told = words(section(whole, "provenance"))
    assert "2026-01-01 10:00:00 to 2026-01-01 11:00:00 UTC" in told
    assert "fusion:mean" in told
    assert "&#34;name&#34;: &#34;attention&#34;" in section(whole, "provenance")


def test_a_paper_stands_once_with_all_parts_that_come_from_it(whole):
    told = words(section(whole, "bibliography"))
    assert "Ann Dollár, Bo Bee. A Study of Parts. Proceedings. 2020. (fusion attention, fusion mean)" in told
    assert told.count("@inproceedings") == 1


def test_a_plan_of_before_papers_has_its_page(make_study):
    plan, results = make_study(seeds=1)
    old = type(plan).model_validate(plan.model_dump(exclude={"papers"}))
    assert "No part of the study names a paper." in page(facts_of((old, results)))


@pytest.mark.parametrize(
    "evil",
    [
        '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}]]>&lt;b&gt;',
        "</pre></details><h1>x $\\frac{1 'q'",
        "\x1b[31mred\u202e a\u2028b \x00\x07",
    ],
)
def test_whatever_users_write_stays_text(make_study, evil):
    plan, results = make_study(seeds=2, labels={"less": evil})
    rows = tuple(PlannedRow(cell=row.cell, label=evil, levels={evil: False}) if row.cell == "less" else row
                 for row in plan.designs[0].rows)  # fmt: skip
    design = plan.designs[0].model_copy(update={"name": evil, "factors": (evil,), "rows": rows})
    metric = PlannedMetric(name=evil, higher_is_better=True)
    hostile = plan.model_copy(
        update={
            "study": evil, "source": evil, "designs": (design,), "metrics": (metric,), "papers": {evil: evil},
            "tables": (TableSettings(design=evil, caption=evil),),
        }
    )  # fmt: skip
    results = [
        replace(one, message=evil, state="done" if number else "failed", fold=evil,
                metrics={"test": {evil: 0.5 + number / 100}} if number else {},
                curve=({"loss": 1.0, f"loss.{evil}": 2.0},),
                provenance={**one.provenance, "engine": evil, "not_stacked": evil,
                            "fusion_weights": {"test": {evil: 1.0}}})
        for number, one in enumerate(results)
    ]  # fmt: skip
    seen = [Evidence(cell="less", question="factors", phase="before", message=evil)]
    text = page(replace(facts_of((hostile, results), seen), identities=[{"engine": evil, evil: evil}]))
    tags = Tags(text)
    assert tags.open == []
    assert {tag for tag, _ in tags.found}.isdisjoint({"script", "img"})
    assert len(tags.named("h1")) == 1
    assert "onerror" not in {name for _, found in tags.found for name in found}
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", text)
