"""conftest.py -- what the stress suite needs, and how it reports"""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cases  # noqa: E402


@pytest.fixture
def run():
    """Run a case; a failure shows what was said and how to repeat it."""
    def go(program, *arguments, **environment):
        case = cases.Case(program, list(arguments), environment)
        try:
            return cases.run(case)
        except cases.Failed as failed:
            what = f"{case}\n{failed}"
        pytest.fail(what, pytrace=False)
    return go


@pytest.fixture(scope="session", autouse=True)
def built():
    if not (cases.BUILD / "libmostly.a").exists():
        pytest.skip(f"nothing is built in {cases.BUILD}: tool/dev test")
