"""Reports: one plain-data result, rendered as a page, Markdown, CSV, JSON and sentences."""

from abbotify.report.decision import Verdict, decisions
from abbotify.report.files import read, write, write_data, write_pages
from abbotify.report.pages import render_markdown
from abbotify.report.result import FORMATS, Arm, Check, Result, loads
from abbotify.report.text.headline import notes, sentences, summary_table
from abbotify.report.true_effects import TruthRow

__all__ = [
    "FORMATS",
    "Arm",
    "Check",
    "Result",
    "TruthRow",
    "Verdict",
    "decisions",
    "loads",
    "notes",
    "read",
    "render_markdown",
    "sentences",
    "summary_table",
    "write",
    "write_data",
    "write_pages",
]
