"""What a browser has to load. It is a budget: more is a decision (ADR 0026), and not an accident."""

from lineshaft.web import load

BUDGET = {".js": 120_000, ".css": 20_000}


def test_the_page_stays_small():
    assets = load().assets

    assert {
        end: sum(len(content) for name, content in assets.items() if name.endswith(end)) <= most for end, most in BUDGET.items()
    } == {
        ".js": True,
        ".css": True,
    }
