"""Shows measurements as tables of medians with their spread, in the terminal and on pages."""

import json
import re
import statistics
from pathlib import Path


def cell(values, digits=0):
    """The median, with the least and the most; a dash when there is nothing."""
    if not values or None in values:
        return "–"
    texts = [f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))]
    return texts[0] if len(values) == 1 else f"{texts[0]} ({texts[1]}–{texts[2]})"


def text(headings, rows):
    plain = [headings, *([cell.replace("**", "").replace("`", "") for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in plain) for column in range(len(headings))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in plain)


def markdown(headings, rows, numbers):
    """`numbers` are the columns to align to the right."""
    rules = ["---:" if column in numbers else "---" for column in range(len(headings))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [headings, rules, *rows])


def write_json(file: Path, **everything):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(everything, indent=2) + "\n")


def write_between_markers(file: Path, name, text):
    """Replaces what stands between the markers of that name in a page. True if the page has them."""
    if not file.exists():
        return False
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    page = file.read_text()
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not marked.search(page):
        return False
    file.write_text(marked.sub(lambda _: f"{begin}\n{text}\n{end}", page))
    return True
