"""A self-contained page: text, tables and pictures in one HTML file."""

import base64
import io
from dataclasses import dataclass, field
from html import escape

from matplotlib.figure import Figure

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1a1a1a;
  font: 17px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 1.2rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .2rem 0 .4rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; padding-top: .6rem;
  border-top: 1px solid #ddd; }
p { max-width: 42rem; margin: .5rem 0; overflow-wrap: anywhere; }
.facts { color: #444; }
.pictures { display: grid; gap: 1.4rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); }
figure { margin: 0; }
figure:last-child:nth-child(odd) { grid-column: 1 / -1; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { color: #333; font-size: .92rem; line-height: 1.45;
  margin: .4rem auto 0; max-width: 42rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums;
  font-size: .95rem; }
th, td { text-align: right; padding: .3rem .55rem;
  border-bottom: 1px solid #e3e3e3; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.table { overflow-x: auto; max-width: 100%; }
nav a { color: #0b57a4; margin-right: 1rem; white-space: nowrap;
  display: inline-block; padding: .25rem 0; }
"""


@dataclass(frozen=True)
class Picture:
    """A figure and how to read it."""

    figure: Figure
    caption: str
    alt: str


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, perhaps a table, and pictures."""

    title: str
    text: str
    pictures: list[Picture] = field(default_factory=list)
    table: list[list[str]] = field(default_factory=list)


def render(title: str, facts: str, sections: list[Section]) -> str:
    """The page; it refers to nothing outside itself."""
    links = ''.join(
        f'<a href="#s{i}">{escape(section.title)}</a>'
        for i, section in enumerate(sections)
    )
    body = ''.join(_section(i, section) for i, section in enumerate(sections))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{_STYLE}</style></head><body>'
        f'<main><h1>{escape(title)}</h1><p class="facts">{escape(facts)}</p>'
        f'<nav>{links}</nav>{body}</main></body></html>\n'
    )


def _section(number: int, section: Section) -> str:
    pictures = ''.join(_picture(picture) for picture in section.pictures)
    grid = f'<div class="pictures">{pictures}</div>' if pictures else ''
    return (
        f'<section id="s{number}"><h2>{escape(section.title)}</h2>'
        f'<p>{escape(section.text)}</p>{_table(section.table)}{grid}'
        '</section>'
    )


def _table(rows: list[list[str]]) -> str:
    if not rows:
        return ''
    lines = []
    for i, row in enumerate(rows):
        tag = 'td' if i else 'th'
        cells = ''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in row)
        lines.append(f'<tr>{cells}</tr>')
    return f'<div class="table"><table>{"".join(lines)}</table></div>'


def _picture(picture: Picture) -> str:
    buffer = io.BytesIO()
    picture.figure.savefig(buffer, format='png')
    width, height = picture.figure.canvas.get_width_height()
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure><img width="{width}" height="{height}" '
        f'alt="{escape(picture.alt)}" src="data:image/png;base64,{data}">'
        f'<figcaption>{escape(picture.caption)}</figcaption></figure>'
    )
