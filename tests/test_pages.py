"""Pages for people: what they point to is there, and each can be reached from the README."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    path.resolve()
    for place in ("*.md", "docs/*.md", "runners/*.md", "leaderboards/*.md", "metrics/*/card.md")
    for path in sorted(ROOT.glob(place))
]


def prose(page: Path) -> str:
    """A page without its examples."""
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`: headings, the way GitHub writes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[tuple[Path, str]]:
    """Where the page points to within the repository: a file or folder, and the anchor or nothing."""
    found = [link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", prose(page))]
    return [((page.parent / path).resolve() if path else page, anchor) for path, _, anchor in found if ":" not in path]


def test_links_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        for place, anchor in links(page):
            if not place.exists() or (anchor and anchor not in anchors(place)):
                broken.append(f"{page.relative_to(ROOT)} -> {place}#{anchor}")
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    left = [ROOT / "README.md"]
    while left:
        place = left.pop()
        if place not in reached:
            reached.add(place)
            left += [linked for linked, _ in links(place)] if place.suffix == ".md" else []
    # A folder that is linked shows what is in it, such as the cards of metrics.
    alone = [str(page.relative_to(ROOT)) for page in PAGES if not {page, *page.parents} & (reached - {ROOT})]
    assert alone == []
