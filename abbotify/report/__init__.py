"""Reports: one plain-data result, rendered as a page, Markdown, CSV, JSON and sentences."""

from abbotify.report.csv import effects_csv
from abbotify.report.decision import Decision, Verdict, decisions
from abbotify.report.files import read, write, write_data, write_pages
from abbotify.report.html import render_html
from abbotify.report.markdown import render_markdown
from abbotify.report.result import FORMATS, Arm, Check, MetricMoments, Result, Run, loads
from abbotify.report.result_rows import Day, Distribution, Position, TopTrack, Training
from abbotify.report.text.headline import SummaryRow, headline, notes, sentences, summary_table
from abbotify.report.true_effects import TruthRow
from abbotify.stats import EFFECT_COLUMNS, Effect
from abbotify.stats.survival import Survival

__all__ = [
    "EFFECT_COLUMNS",
    "FORMATS",
    "Arm",
    "Check",
    "Day",
    "Decision",
    "Distribution",
    "Effect",
    "MetricMoments",
    "Position",
    "Result",
    "Run",
    "SummaryRow",
    "Survival",
    "TopTrack",
    "Training",
    "TruthRow",
    "Verdict",
    "decisions",
    "effects_csv",
    "headline",
    "loads",
    "notes",
    "read",
    "render_html",
    "render_markdown",
    "sentences",
    "summary_table",
    "write",
    "write_data",
    "write_pages",
]
