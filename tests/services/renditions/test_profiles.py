"""Custom transcode profiles are read from a file; errors in it are named."""

from pathlib import Path

import pytest

from media.renditions.encoder_settings import EncoderSettings
from services.renditions.profiles import TranscodeProfilesError, load_transcode_profiles


def test_profiles_stand_beside_the_built_in_one_in_toml_and_json(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[dailies]\ncodec = "prores"\nwidth = 1280\nheight = 720\nburn_in = "timecode"\n')
    (tmp_path / "a.json").write_text('{"dailies": {"audio": "mono"}, "web": {"height": 720, "width": 1280}}')
    assert load_transcode_profiles(tmp_path / "a.toml")["dailies"].recipe == EncoderSettings(
        "prores", 1280, 720, "timecode", "stereo"
    )
    assert load_transcode_profiles(tmp_path / "a.toml")["web"].recipe == EncoderSettings()
    assert load_transcode_profiles(tmp_path / "a.json")["dailies"].recipe == EncoderSettings(audio="mono")
    assert load_transcode_profiles(tmp_path / "a.json")["web"].recipe == EncoderSettings(widest=1280, highest=720)
    assert list(load_transcode_profiles(None)) == ["web"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[dailies]\ncodek = "h264"\n', "dailies.codek: Extra inputs are not permitted"),
        ('[dailies]\ncodec = "divx"\n', "dailies.codec: Input should be 'h264', 'h265' or 'prores'"),
        ("[dailies]\nwidth = 1\n", "dailies.width: Input should be greater than or equal to 16"),
        ("[Dailies]\n", "Dailies.[key]: String should match pattern"),
        ("[dailies\n", "Expected ']'"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(text)
    with pytest.raises(TranscodeProfilesError) as error:
        load_transcode_profiles(path)
    assert f'profiles "{path}": ' in str(error.value)
    assert said in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TranscodeProfilesError, match="No such file"):
        load_transcode_profiles(tmp_path / "none.toml")
