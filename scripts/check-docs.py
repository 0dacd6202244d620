#!/usr/bin/env python3
"""Refuses dead relative links and anchors in README.md and docs, pages that docs/SUMMARY.md lacks, and pictures that no page shows."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def text_of(page):
    """The page without its code, where brackets are no links."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    return re.sub(r"`[^`\n]*`", lambda code: code.group().replace("(", " ").replace("]", " "), text)


def anchors(page):
    """Anchors of the headings, as GitHub and mdBook make them: a heading that was there before gets a number."""
    found, times = set(), {}
    for heading in re.findall(r"^#+ (.*)$", page.read_text(), flags=re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower().strip()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(f"{anchor}-{times[anchor]}" if anchor in times else anchor)
        times[anchor] = times.get(anchor, 0) + 1
    return found


def check():
    problems, linked = [], set()
    pages = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    for page in pages:
        for target in LINK.findall(text_of(page)):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            place = (page.parent / name).resolve() if name else page
            linked.add((page.name, place))
            if not place.exists():
                problems.append(f"{page.relative_to(ROOT)}: {target} does not exist")
            elif page.is_relative_to(DOCS) and not place.is_relative_to(DOCS):
                problems.append(f"{page.relative_to(ROOT)}: {target} is not part of the book")
            elif anchor and place.suffix == ".md" and anchor not in anchors(place):
                problems.append(f"{page.relative_to(ROOT)}: {target}: no such heading")
    in_book = {place for source, place in linked if source == "SUMMARY.md"}
    shown = {place for _, place in linked}
    problems += [f"{page.relative_to(ROOT)} is not in docs/SUMMARY.md" for page in sorted(DOCS.rglob("*.md")) if page.name != "SUMMARY.md" and page not in in_book]
    problems += [f"{file.relative_to(ROOT)} is on no page" for file in sorted((DOCS / "pictures").iterdir()) if file not in shown]
    return problems, len(pages), len(linked)


problems, pages, links = check()
print("\n".join(problems) or f"{pages} pages, {links} links: good")
sys.exit(1 if problems else 0)
