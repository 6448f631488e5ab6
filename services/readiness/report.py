"""Report of an answer: values for programs, lines for people, and a page to sign off."""

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.evidence.statements import Finding
from media.evidence.verdict import Answer, AspectResult
from models.core.paths import display_path
from services.core.text import pluralize
from services.readiness.ready import ReadyAnswer

EXIT_CODES = {Answer.PROVEN: 0, Answer.REFUTED: 1, Answer.NOT_PROVABLE: 2}
MAX_REPORTED_FINDINGS = 1_000
MAX_PRINTED_FINDINGS = 10
MAX_REPORTED_SUMS = 10_000
MAX_THUMBNAILS = 200
MAX_THUMBNAIL_BYTES = 200_000
SUM_ORDER = ("xxh128", "sha256", "sha1", "md5", "c4")
SELECT_THUMBNAILS = text("""
    SELECT DISTINCT ON (asset.title, asset.id) asset.title, keyframe.path, keyframe.media_type
    FROM file_set_file AS member
    JOIN keyframe ON keyframe.file_set_id = member.file_set_id AND keyframe.type = 'KEYFRAME'
    JOIN file_set ON file_set.id = member.file_set_id JOIN asset ON asset.id = file_set.asset_id
    WHERE member.file_id = ANY(CAST(:files AS uuid[])) ORDER BY asset.title, asset.id LIMIT :most
""")
ANSWER_COLORS = {"proven": "#1b7f3b", "refuted": "#b3261e", "not provable": "#8a5a00"}
VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.4rem } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #ddd }
code { overflow-wrap: anywhere }
figure { display: inline-block; margin: 0 .5rem .5rem 0; width: 10rem } figure img { width: 100% }
figcaption { font-size: .8rem; overflow-wrap: anywhere }
.sign { margin-top: 3rem; border-top: 1px solid #222; width: 20rem }
"""


def build_ready_report(answer: ReadyAnswer, actor: str) -> dict[str, Any]:
    """Return the report as values of JSON."""
    verdict, facts = answer.verdict, answer.facts
    sums = [
        {
            "path": _shown(path),
            "size": facts.files[path].size,
            "algorithm": name,
            "sum": facts.files[path].digests[name],
        }
        for path in sorted(facts.files)
        if (name := next((one for one in SUM_ORDER if one in facts.files[path].digests), None)) is not None
    ]
    return {
        "path": display_path(answer.question.path),
        "storage": facts.storage_name,
        "folder": display_path(facts.folder) or ".",
        "answer": verdict.answer.value,
        "exit_code": EXIT_CODES[verdict.answer],
        "level": verdict.level.value,
        "frames": answer.question.frames or None,
        "against": display_path(answer.question.against) if answer.question.against is not None else None,
        "asked_at": answer.asked_at.isoformat(),
        "asked_by": actor,
        "files": verdict.files,
        "size_bytes": verdict.size_bytes,
        "structures": verdict.structures,
        "extra_files": verdict.extra_files,
        "aspects": {aspect.value: _report_aspect(result) for aspect, result in verdict.aspects.items()},
        "sum_count": len(sums),
        "sums": sums[:MAX_REPORTED_SUMS],
    }


def _report_aspect(result: AspectResult) -> dict[str, Any]:
    return {
        "answer": result.answer.value if result.answer else None,
        "proven": result.proven,
        "by": dict(result.by),
        "fault_count": len(result.faults),
        "faults": _report_findings(result.faults),
        "gap_count": len(result.gaps),
        "gaps": _report_findings(result.gaps),
    }


def _report_findings(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [{"path": _shown(one.path), "reason": one.reason} for one in findings[:MAX_REPORTED_FINDINGS]]


def _shown(path: str) -> str:
    return display_path(path.encode("utf-8", "surrogateescape"))


def describe_report(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the report for people: the answer first, then each aspect with its reasons."""
    question = "may the source be wiped" if report["level"] == "content" else "is everything there"
    yield f"{report['answer'].upper()}: {question}? {report['path']}"
    size = pluralize(report["size_bytes"], "byte")
    yield f"{pluralize(report['files'], 'file')}, {size}, on storage {report['storage']}"
    if report["structures"]:
        yield f"evidence: {', '.join(report['structures'])}"
    for name, aspect in report["aspects"].items():
        by = ", ".join(f"{count:,} by {kind}" for kind, count in aspect["by"].items())
        yield f"{name:<9} {aspect['answer'] or 'nothing states it'}{f' ({by})' if by else ''}"
        for kind in ("fault", "gap"):
            yield from _finding_lines(aspect, kind)
    if report["extra_files"]:
        yield f"{pluralize(report['extra_files'], 'file')} that the second copy does not have"


def _finding_lines(aspect: Mapping[str, Any], kind: str) -> Iterator[str]:
    for finding in aspect[f"{kind}s"][:MAX_PRINTED_FINDINGS]:
        yield f"  {'✗' if kind == 'fault' else '?'} {finding['path'] or '.'}: {finding['reason']}"
    if aspect[f"{kind}_count"] > MAX_PRINTED_FINDINGS:
        yield f"    and {aspect[f'{kind}_count'] - MAX_PRINTED_FINDINGS:,} more"


def load_thumbnails(session: Session, answer: ReadyAnswer, media_folder: Path) -> list[tuple[str, str]]:
    """Return the title and a picture, as an address with its data, of each asset in the folder that has one."""
    rows = session.execute(SELECT_THUMBNAILS, {"files": answer.facts.file_ids, "most": MAX_THUMBNAILS})
    found = []
    for row in rows:
        try:
            content = (media_folder / row.path).read_bytes()
        except OSError:
            continue  # it is being made again
        if len(content) <= MAX_THUMBNAIL_BYTES:
            found.append((row.title, f"data:{row.media_type};base64,{base64.b64encode(content).decode()}"))
    return found


def render_report(report: Mapping[str, Any], thumbnails: Sequence[tuple[str, str]] = ()) -> str:
    """Return the report as a page that needs no other file."""
    quote = html.escape
    color = ANSWER_COLORS[report["answer"]]
    rows = "".join(_aspect_row(name, aspect) for name, aspect in report["aspects"].items())
    facts = {
        "Asked": f"{report['asked_at']} by {report['asked_by']}",
        "Files": f"{report['files']:,}, {pluralize(report['size_bytes'], 'byte')}",
        "Storage": report["storage"],
        "Evidence": ", ".join(report["structures"]) or "none",
        "Second copy": report["against"] or "none",
    }
    said = "".join(f"<tr><th>{quote(name)}</th><td>{quote(value)}</td></tr>" for name, value in facts.items())
    pictures = "".join(
        f'<figure><img src="{quote(address)}" alt=""><figcaption>{quote(title)}</figcaption></figure>'
        for title, address in thumbnails
    )
    sums = "".join(
        f"<tr><td><code>{quote(one['path'])}</code></td><td>{one['size']:,}</td>"
        f"<td><code>{quote(one['algorithm'])} {quote(one['sum'])}</code></td></tr>"
        for one in report["sums"]
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{VIEWPORT}<title>{quote(report["path"])}</title>'
        f'<style>{STYLE}</style><h1><span style="color:{color}">{quote(report["answer"].upper())}</span> '
        f"<code>{quote(report['path'])}</code></h1><table>{said}</table><h2>Aspects</h2><table>{rows}</table>"
        f"{f'<h2>Assets</h2>{pictures}' if pictures else ''}"
        f"{f'<h2>Sums</h2><table>{sums}</table>' if sums else ''}"
        '<p class="sign">Signed off by</p></html>\n'
    )


def _aspect_row(name: str, aspect: Mapping[str, Any]) -> str:
    quote = html.escape
    by = ", ".join(f"{count:,} by {kind}" for kind, count in aspect["by"].items())
    findings = "".join(
        f"<li><code>{quote(one['path'] or '.')}</code>: {quote(one['reason'])}</li>"
        for one in (*aspect["faults"], *aspect["gaps"])
    )
    more = f"<ul>{findings}</ul>" if findings else ""
    return f"<tr><th>{name}</th><td>{aspect['answer'] or 'nothing states it'}<br>{quote(by)}{more}</td></tr>"
