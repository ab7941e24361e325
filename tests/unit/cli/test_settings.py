"""Settings on a command line: what the help tells of them."""

import pytest
from click.testing import CliRunner

from core.cli.main import verbs
from core.cli.session import Session
from core.cli.settings import explained
from core.domain.settings import Settings


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_the_help_tells_of_every_setting_what_it_may_be(name: str) -> None:
    (line,) = [line for line in explained().splitlines() if line.split(maxsplit=1)[:1] == [name]]
    assert len(line.split(maxsplit=1)[1]) > 3


def test_the_settings_stand_line_by_line_at_the_end_of_the_help() -> None:
    said = CliRunner().invoke(verbs, ["add", "--help"], obj=Session(as_json=False)).output
    assert "\n    silence_threshold     -60 to -20 dB\n" in said
    assert "\n    on_exhausted          fail, hold\n" in said
