"""Settings: a wrong file never locks anybody out."""

import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.config import SECTIONS, SHIPPED, load_config

SHIPPED_TEXT = SHIPPED.read_text()


def test_the_shipped_file_holds_every_setting_and_no_other(tmp_path):
    """config.toml is the one source of defaults: its keys are the fields of the typed settings."""
    shipped = tomllib.loads(SHIPPED_TEXT)
    assert shipped.pop("keys") == {}, "every action has its keys from its binding"
    assert {name: set(keys) for name, keys in shipped.items()} == {
        name: set(cls.__slots__) for name, cls in SECTIONS.items()
    }
    assert load_config(tmp_path).notices == ()


def test_a_typo_is_named_with_its_line_and_the_nearest_key(tmp_path):
    """A misspelt key leaves a notice with file, line and suggestion; the rest of the file counts."""
    (tmp_path / "config.toml").write_text("[sampling]\ntemprature = 0\ntop_k = 7\n")
    config = load_config(tmp_path)
    assert config.sampling.top_k == 7
    assert config.notices == (f"{tmp_path}/config.toml:2: there is no setting temprature. Did you mean temperature?",)


@pytest.mark.parametrize(
    "line", ["temperature = 'hot'", "temperature = 9.5", "temperature = true", "temperature = [1]"]
)
def test_a_wrong_value_falls_back_to_its_default(tmp_path, line):
    """A value of the wrong type or range is named; the default is used."""
    (tmp_path / "config.toml").write_text(f"[sampling]\n{line}\n")
    config = load_config(tmp_path)
    assert config.sampling.temperature == tomllib.loads(SHIPPED_TEXT)["sampling"]["temperature"]
    assert "config.toml:2: sampling.temperature must be" in config.notices[0]


def test_a_broken_line_costs_only_itself(tmp_path):
    """Where the TOML is broken, the good lines still count."""
    (tmp_path / "config.toml").write_text("[sampling]\ntop_k = 7\ntop_p = = 3\nmin_p = 0.2\n")
    config = load_config(tmp_path)
    assert (config.sampling.top_k, config.sampling.min_p) == (7, 0.2)
    assert len(config.notices) == 1


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(str.encode),
        st.integers(0, len(SHIPPED_TEXT)).map(lambda n: SHIPPED_TEXT[n:].encode()),
    )
)
def test_any_file_starts_and_is_never_rewritten(tmp_path, content):
    """Whatever stands in the file, settings load and the file stays as it is."""
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    load_config(tmp_path)
    assert path.read_bytes() == content


def test_a_value_set_live_is_checked_like_one_in_the_file(tmp_path):
    """with_value gives a changed copy, or a line for the user."""
    config = load_config(tmp_path)
    assert config.with_value("sampling", "temperature", 0).sampling.temperature == 0.0
    with pytest.raises(ValueError, match="must be from 0 to 5"):
        config.with_value("sampling", "temperature", 6)
    with pytest.raises(ValueError, match="no setting sampling.heat"):
        config.with_value("sampling", "heat", 6)
