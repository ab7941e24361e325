"""The configuration: where a value comes from, and what is said about one that is not usable."""

import re
from pathlib import Path

import msgspec
import pytest

from core.config import SECRETS, Config, load_config
from core.domain.errors import BadInput


def write(folder: Path, text: str) -> Path:
    """`reprise.toml` in `folder`."""
    (folder / "reprise.toml").write_text(text, "utf-8")
    return folder


def test_without_anything_given_the_defaults_hold(tmp_path: Path) -> None:
    assert load_config({}, folder=tmp_path) == Config()


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    folder = write(tmp_path, "port = 1111\ncpu_workers = 2\nstall_s = 60")
    config = load_config({"REPRISE_PORT": "2222", "REPRISE_CPU_WORKERS": "3"}, {"port": 3333}, folder)
    assert (config.port, config.cpu_workers, config.stall_s) == (3333, 3, 60.0)


def test_the_file_may_lie_elsewhere(tmp_path: Path) -> None:
    path = write(tmp_path, "port = 1111").joinpath("reprise.toml").rename(tmp_path / "other.toml")
    assert load_config({"REPRISE_CONFIG": str(path)}, folder=tmp_path).port == 1111


def test_text_of_the_environment_becomes_what_the_field_wants(tmp_path: Path) -> None:
    config = load_config(
        {"REPRISE_HUB": "false", "REPRISE_STALL_S": "1.5", "REPRISE_CPU_WORKERS": "4"}, folder=tmp_path
    )
    assert (config.hub, config.stall_s, config.cpu_workers) == (False, 1.5, 4)


def test_variables_of_others_and_of_the_command_itself_are_no_settings(tmp_path: Path) -> None:
    environ = {"PATH": "/bin", "REPRISE_PYTHON": "python3.12", "REPRISE_KEEP_SERVICE": "1", "PORT": "1"}
    environ |= {"REPRISE_URL": "http://127.0.0.1:8600", "REPRISE_TOKEN": "rt_x"}
    assert load_config(environ, folder=tmp_path) == Config()


@pytest.mark.parametrize(
    ("environ", "text", "flags", "sentence", "hint"),
    [
        (
            {"REPRISE_PROT": "1"},
            "",
            {},
            "There is no configuration setting “prot” (the environment).",
            "Did you mean port?",
        ),
        ({}, "cpu_worker = 1", {}, "There is no configuration setting “cpu_worker” (", "Did you mean cpu_workers?"),
        ({}, "", {"zzz": 1}, "“zzz” (the flags).", "docs/configuration.md"),
        ({"REPRISE_PORT": "0"}, "", {}, "The configuration setting port is not usable: Expected `int` >= 1", "docs/"),
        ({"REPRISE_PORT": "abc"}, "", {}, "The configuration setting port is not usable", "docs/"),
        ({}, "stall_s = -1", {}, "The configuration setting stall_s is not usable", "docs/"),
        ({}, "port = ", {}, "is not valid TOML", "Correct that line"),
    ],
)
def test_a_value_that_is_not_usable_is_named_with_a_way_out(
    tmp_path: Path, environ: dict[str, str], text: str, flags: dict[str, object], sentence: str, hint: str
) -> None:
    with pytest.raises(BadInput) as caught:
        load_config(environ, flags, write(tmp_path, text))
    assert sentence in caught.value.message
    assert hint in caught.value.hint


def test_a_key_for_deepseek_is_enough_to_use_it(tmp_path: Path) -> None:
    config = load_config({"DEEPSEEK_API_KEY": "k"}, folder=tmp_path)
    assert (config.llm_api_key, config.llm_base_url, config.llm_model) == (
        "k",
        "https://api.deepseek.com",
        "deepseek-chat",
    )


def test_what_is_configured_is_not_replaced_by_a_known_provider(tmp_path: Path) -> None:
    given = {"REPRISE_LLM_BASE_URL": "http://127.0.0.1:1/v1", "REPRISE_LLM_MODEL": "m", "OPENAI_API_KEY": "k"}
    config = load_config(given, folder=tmp_path)
    assert (config.llm_api_key, config.llm_base_url, config.llm_model) == ("k", "http://127.0.0.1:1/v1", "m")
    own = load_config({**given, "REPRISE_LLM_API_KEY": "own", "DEEPSEEK_API_KEY": "other"}, folder=tmp_path)
    assert own.llm_api_key == "own"


def test_the_storage_is_an_absolute_path_of_the_one_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert Config(storage="data").storage_path == tmp_path / "data"
    assert Config(storage="~/data").storage_path == Path("/home/somebody/data")


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        msgspec.structs.replace(Config(), port=1).port = 2  # type: ignore[misc]


def test_a_configuration_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no configuration file"):
        load_config(environ={"REPRISE_CONFIG": str(tmp_path / "nowhere.toml")})


def test_every_setting_that_sounds_like_a_secret_is_struck_out_of_logs() -> None:
    sounding = {name for name in Config.__struct_fields__ if re.search(r"(key|secret|password|token)$", name)}
    assert sounding <= set(SECRETS)
    assert load_config({"REPRISE_LLM_API_KEY": "sk-1"}).secrets == ("sk-1",)
