"""`tapeless demo` says what it did and what to do next."""

from click.testing import CliRunner

from tests.media.demo.test_demo import fill_with_stand_ins
from workers.commands.server.demo import demo


def test_the_command_tells_what_it_wrote_and_how_to_go_on(tmp_path):
    fill_with_stand_ins(tmp_path, but={"sound/room_tone.wav"})
    result = CliRunner().invoke(demo, [str(tmp_path)])
    assert result.exit_code == 0
    assert "wrote sound/room_tone.wav: a sound on its own\n" in result.output
    assert f"{tmp_path}: 1 file written, 0.2 MB; `tapeless up {tmp_path}` makes assets of it" in result.output


def test_a_second_run_says_that_nothing_was_missing(tmp_path):
    fill_with_stand_ins(tmp_path)
    result = CliRunner().invoke(demo, [str(tmp_path)])
    assert result.exit_code == 0
    assert f"{tmp_path}: nothing was missing" in result.output


def test_a_refused_folder_is_one_sentence_and_exit_code_1(tmp_path):
    target = tmp_path / "notes.txt"
    target.touch()
    result = CliRunner().invoke(demo, [str(target)])
    assert result.exit_code == 1
    assert result.output.startswith(f'Error: demo folder "{target}": is a file; ')
