"""Reports: one plain-data document, rendered as a page, Markdown, CSV, JSON and sentences."""

from abbotify.report.decision import Decision, Verdict, decisions
from abbotify.report.document import FORMATS, Arm, Check, Document, Moments, Run, loads
from abbotify.report.headline import SummaryRow, headline, notes, sentences, summary_table
from abbotify.report.html import render_html
from abbotify.report.markdown import render_markdown
from abbotify.report.pictures import (
    Day,
    Distribution,
    Position,
    Survival,
    TopTrack,
    Training,
)
from abbotify.report.render import read, write, write_data, write_pages
from abbotify.report.tables import effects_csv
from abbotify.report.truths import TruthRow
from abbotify.stats import EFFECT_COLUMNS, Effect

__all__ = [
    "EFFECT_COLUMNS",
    "FORMATS",
    "Arm",
    "Check",
    "Day",
    "Decision",
    "Distribution",
    "Document",
    "Effect",
    "Moments",
    "Position",
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
