"""`tapeless seal`: what was written is said, and what cannot be attested ends it with the reason."""

from pathlib import Path

from click.testing import CliRunner, Result

from tests.pipeline import Pipeline
from tests.services.sidecar_steps import put
from workers.commands.catalog.ready import ready
from workers.main import main


def run(running: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env=running)


def test_a_folder_is_sealed_from_the_command_line(
    pipeline: Pipeline, running: dict[str, str], root: Path, tmp_path: Path
) -> None:
    for name in ("A001/Clips/A001.mov", "A001/sound.wav"):
        put(root, name, name.encode() * 50)
    pipeline.settle()
    copy = tmp_path / "copy"
    first = run(running, "seal", str(root / "A001"), "--into", str(copy))
    assert (first.exit_code, first.output.endswith(": generation 1, 2 files, 1.6 kB\n")) == (0, True), first.output
    (root / "A001/sound.wav").rename(root / "A001/sound 1.wav")
    pipeline.settle()
    second = run(running, "seal", str(root / "A001"), "--into", str(copy))
    assert second.output.endswith(": generation 2, 2 files, 1.6 kB, 1 renamed\n"), second.output
    (copy / "ascmhl").rename(root / "A001/ascmhl")  # laid at the root, as the documentation says
    pipeline.settle()
    proven = CliRunner().invoke(ready, [str(root / "A001"), "--read"], env=running)
    assert (proven.exit_code, "proven" in proven.output.lower()) == (0, True), proven.output
    (root / "A001/sound 1.wav").write_bytes(b"another take")
    pipeline.settle()
    for where, said in ((copy, "states"), (root / "else", "lies on a watched storage"), (root, "watched storage")):
        refused = run(running, "seal", str(root / "A001"), "--into", str(where))
        assert (refused.exit_code, said in refused.output) == (1, True), refused.output
