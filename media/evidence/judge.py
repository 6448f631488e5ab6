"""The judge: statements of indexes and facts of files in, an answer with reasons out; a pure function.

1. Each statement is compared with its file. What contradicts is a fault, with the file and both values.
2. What no evidence settles is a gap, with the evidence that would settle it. Evidence from outside of a structure, such
   as a list of sums or a second copy, settles what the names of a structure leave open.
3. An aspect with a fault is refuted, one with a gap is not provable; it is proven only where something states it. The
   answer is that of the aspects which the question asks for, and any fault refutes it.
"""

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from media.evidence.indexes import is_own_evidence
from media.evidence.layouts import find_frame_gaps, is_card_extra, state_layouts
from media.evidence.stated_paths import MEDIA_CLASSES_OF_CLIPS, StatedPaths
from media.evidence.statements import Aspect, FileFact, FileStatement, Finding, FolderTrees, Statement, is_below
from media.evidence.verdict import Level, Verdict
from media.sidecars.checksums import SIZE_CHECK, is_same_checksum

DURATION_SLACK_MS = 100
"""Encoders fill up their last block of sound, and containers round to their own clock."""
UNDECODED_EXTENSIONS = frozenset(("r3d", "braw", "crm", "ari", "arx", "nev", "cine", "rmf", "mxv"))
"""Formats that no decoder here reads: that they do not open says nothing of them."""


def judge(
    files: Mapping[str, FileFact],
    statements: Sequence[Statement],
    level: Level = Level.CONTENT,
    open_questions: Sequence[Finding] = (),
    *,
    is_alone: bool = False,
    is_arriving: bool = False,
) -> Verdict:
    """Judge the files of a folder by what indexes state of them.

    Args:
        files: what is known of every file in the folder.
        statements: of all indexes, lists and comparisons, also those of folders above.
        level: what is asked.
        open_questions: gaps that the caller found, such as a folder that still arrives.
        is_alone: whether the question is about these files alone: what else their indexes name is left out.
        is_arriving: whether more files may still come, so that a file which is not there is open rather than missing.
    """
    if is_alone:
        statements = [replace(one, files=_about(one, files), needs=(), payload=None) for one in statements]
    else:
        statements = [*statements, *state_layouts(list(files), statements)]
    return _Judgement(files, statements, level, open_questions, is_arriving=is_arriving).judge()


def _about(statement: Statement, files: Mapping[str, FileFact]) -> tuple[FileStatement, ...]:
    return tuple(one for one in statement.files if one.path in files or (one.id and not one.path))


class _Judgement:
    """One run of the judge."""

    def __init__(
        self,
        files: Mapping[str, FileFact],
        statements: Sequence[Statement],
        level: Level,
        open_questions: Sequence[Finding],
        *,
        is_arriving: bool,
    ) -> None:
        self._files = files
        self._statements = statements
        self._verdict = Verdict(level)
        self._paths = StatedPaths(files)
        self._ids = _paths_by_id(self._statements)
        self._named: set[str] = set()
        """Files that an index names."""
        self._summed: set[str] = set()
        """Files whose bytes are proven."""
        self._listed: set[str] = set()
        """Files that evidence from outside names."""
        self._compared: set[str] = set()
        """Files whose bytes something states, whether they are proven or not."""
        self._found: set[tuple[bool, Aspect, str, str]] = set()
        self._open = list(open_questions)
        self._is_arriving = (
            is_arriving
            or any(one.is_pending for one in files.values())
            or any(one.aspect is Aspect.PRESENCE for one in open_questions)
        )
        self._counted: dict[Aspect, set[str]] = {one: set() for one in Aspect}
        self._clips = [path for path, one in files.items() if self._is_clip(path, one)]

    def judge(self) -> Verdict:
        """Compare everything, then ask what is left open."""
        for statement in self._statements:
            for one in self._compare_sums(statement):
                self._compare(statement, one)
            self._check_payload(statement)
            for fault in statement.faults:
                self._add(fault, is_fault=True)
        self._check_files()
        self._check_needs()
        self._check_completeness()
        self._check_content()
        for gap in self._open:
            self._add(gap, is_fault=False)
        self._summarize()
        return self._verdict

    def _add(self, finding: Finding, *, is_fault: bool) -> None:
        key = is_fault, finding.aspect, finding.path, "" if is_fault and finding.path else finding.reason
        if key not in self._found:
            self._found.add(key)
            result = self._verdict.aspects[finding.aspect]
            (result.faults if is_fault else result.gaps).append(finding)

    def _fault(self, aspect: Aspect, path: str, reason: str) -> None:
        self._add(Finding(aspect, path, reason), is_fault=True)

    def _gap(self, aspect: Aspect, path: str, reason: str) -> None:
        self._add(Finding(aspect, path, reason), is_fault=False)

    def _hold(self, aspect: Aspect, statement: Statement, *paths: str) -> None:
        """Count what a statement said of these, and what held."""
        result, counted = self._verdict.aspects[aspect], self._counted[aspect]
        result.by[statement.kind] += len(paths)
        before = len(counted)
        counted.update(paths)
        result.proven += len(counted) - before

    def _compare_sums(self, statement: Statement) -> list[FileStatement]:
        """Compare the files whose sum is known and equal, at once; return the others, which are compared in detail.

        Of most lists these are all, and there are lists of 100,000 files.
        """
        held, sized, others = [], [], []
        files = self._files
        for one in statement.files:
            path, _, _, _, size, least, algorithm, digest, frames, _ = one
            fact = files.get(path)
            if (
                fact is None
                or fact.problem
                or not digest
                or fact.digests.get(algorithm) != digest
                or (size is not None and size != fact.size)
                or least is not None
                or frames
            ):
                others.append(one)
                continue
            held.append(path)
            if size is not None:
                sized.append(path)
        if held:
            for names in (self._named, self._compared, self._summed, self._listed if statement.is_outside else set()):
                names.update(held)
            self._hold(Aspect.PRESENCE, statement, *held)
            self._hold(Aspect.SIZE, statement, *sized)
            self._hold(Aspect.CONTENT, statement, *held)
        return others

    def _compare(self, statement: Statement, one: FileStatement) -> None:
        if one.clip:
            self._compare_clip(statement, one)
            return
        if not one.path and one.id:
            known = self._path_of_id(statement.root, one.id)
            if known is None:
                if statement.kind == "packing list":
                    reason = f"{_name(statement)} lists a file of this id, and the asset map does not say where it is"
                    self._fault(Aspect.PRESENCE, one.id, reason)
                return
            one = one._replace(path=known)
        path = self._paths.find(one)
        if path is None:
            self._miss(statement, one.path, "is not there")
            return
        fact = self._files[path]
        self._named.add(path)
        if statement.is_outside:
            self._listed.add(path)
        if fact.problem:
            self._miss(statement, path, fact.problem)
            return
        self._hold(Aspect.PRESENCE, statement, path)
        if self._compare_size(statement, one, path, fact):
            self._compare_digest(statement, one, path, fact)
        elif one.algorithm:
            self._compared.add(path)
        self._compare_duration(statement, one, path, fact)

    def _path_of_id(self, root: str, key: str) -> str | None:
        """Return the file of an id in the package of this folder: a copy of a package has the same ids."""
        while (root, key) not in self._ids and root:
            root = root.rpartition("/")[0]
        return self._ids.get((root, key))

    def _miss(self, statement: Statement, path: str, problem: str) -> None:
        reason = f"{problem}, and {_name(statement)} names it"
        fact = self._files.get(path)
        if self._is_arriving and (fact is None or fact.is_pending):
            self._gap(Aspect.PRESENCE, path, f"{reason}; the folder is still arriving")
        else:
            self._fault(Aspect.PRESENCE, path, reason)

    def _compare_clip(self, statement: Statement, one: FileStatement) -> None:
        found = [path for path in self._paths.find_clip(one.clip) if is_below(path, statement.root)]
        for path in found:
            self._named.add(path)
            self._listed.add(path)
            if self._files[path].problem:
                self._miss(statement, path, self._files[path].problem)
            else:
                self._hold(Aspect.PRESENCE, statement, path)
        if not found:
            self._miss(statement, one.path or one.clip, "is not there" if one.path else "has no file")

    def _compare_size(self, statement: Statement, one: FileStatement, path: str, fact: FileFact) -> bool:
        stated = one.size
        if one.algorithm == SIZE_CHECK and one.digest.isdecimal():
            stated = int(one.digest)
        if stated is not None and stated != fact.size:
            self._fault(Aspect.SIZE, path, f"has {fact.size:,} bytes, and {_name(statement)} states {stated:,}")
            return False
        if one.least is not None and fact.size < one.least:
            reason = f"has {fact.size:,} bytes, and {_name(statement)} states at least {one.least:,}: it was cut off"
            self._fault(Aspect.SIZE, path, reason)
            return False
        if stated is not None:
            self._hold(Aspect.SIZE, statement, path)
        return True

    def _compare_digest(self, statement: Statement, one: FileStatement, path: str, fact: FileFact) -> None:
        if not one.algorithm or one.algorithm == SIZE_CHECK or not one.digest:
            return
        self._compared.add(path)
        known = fact.digests.get(one.algorithm)
        if known is None:
            self._verdict.unread.setdefault(path, set()).add(one.algorithm)
            reason = f"its {one.algorithm} of {_name(statement)} was not compared yet; add --read"
            self._gap(Aspect.CONTENT, path, reason)
        elif is_same_checksum(one.algorithm, one.digest, known):
            self._summed.add(path)
            self._hold(Aspect.CONTENT, statement, path)
        else:
            reason = f"has the {one.algorithm} {known}, and {_name(statement)} states {one.digest}"
            self._fault(Aspect.CONTENT, path, reason)

    def _compare_duration(self, statement: Statement, one: FileStatement, path: str, fact: FileFact) -> None:
        if not one.frames or not one.rate or fact.duration_ms is None:
            return
        rate = Fraction(one.rate)
        stated = float(one.frames / rate * 1000)
        if abs(stated - fact.duration_ms) > DURATION_SLACK_MS + 2_000 / float(rate):
            reason = f"lasts {fact.duration_ms / 1000:.2f} s, and {_name(statement)} states {stated / 1000:.2f} s"
            self._fault(Aspect.MEDIA, path, reason)
        else:
            self._hold(Aspect.MEDIA, statement, path)

    def _check_payload(self, statement: Statement) -> None:
        if statement.payload is None:
            return
        folder = f"{statement.root}/data" if statement.root else "data"
        inside = [one for path, one in self._files.items() if is_below(path, folder) and not one.problem]
        found = sum(one.size for one in inside), len(inside)
        if found != statement.payload:
            stated = f"{statement.payload[1]:,} files and {statement.payload[0]:,} bytes"
            reason = f"states {stated} in the folder data, which holds {found[1]:,} files and {found[0]:,} bytes"
            (self._gap if self._is_arriving else self._fault)(Aspect.SIZE, statement.source, reason)
        else:
            self._hold(Aspect.SIZE, statement, folder)

    def _check_files(self) -> None:
        """Check each file alone: whether it is whole and opens."""
        for path, fact in self._files.items():
            if fact.problem:
                if path not in self._named:
                    (self._gap if fact.is_pending else self._fault)(Aspect.PRESENCE, path, fact.problem)
            elif fact.damage:
                self._fault(Aspect.CONTENT, path, fact.damage)
        opened = self._verdict.aspects[Aspect.MEDIA]
        for path in self._clips:
            if path in self._summed:
                continue
            fact = self._files[path]
            is_undecoded = path.rpartition(".")[2].lower() in UNDECODED_EXTENSIONS
            if fact.media_error and not is_undecoded:
                self._fault(Aspect.MEDIA, path, f"does not open: {fact.media_error}")
            elif not fact.is_probed and not is_undecoded:
                self._gap(Aspect.MEDIA, path, "its header was not read yet")
            elif not fact.media_error and fact.is_probed:
                opened.proven += 1

    def _check_needs(self) -> None:
        known = {one for statement in self._statements for one in statement.ids} | {key for _, key in self._ids}
        for statement in self._statements:
            for need in statement.needs:
                if need.id not in known:
                    self._gap(need.aspect, statement.source, need.reason)
                else:
                    self._hold(Aspect.ORDER, statement, need.id)

    def _check_completeness(self) -> None:
        """Find media that no complete statement covers, and what names alone leave open."""
        scopes = [one for one in self._statements if one.is_complete]
        settled = {one.root for one in scopes if one.is_outside} - _folders_of(set(self._clips) - self._listed)
        settled |= {one.root for one in scopes if one.allows_others}
        for statement in self._statements:
            for gap in statement.gaps:
                if statement.is_outside or not any(is_below(gap.path, root) for root in settled):
                    self._add(gap, is_fault=False)
        self._check_clips(scopes)
        if not self._files:
            self._gap(Aspect.PRESENCE, "", "holds no files")
        frames = [one for one in self._clips if self._files[one].media_class == "image" and one not in self._listed]
        for finding in find_frame_gaps(frames):
            self._add(finding, is_fault=False)

    def _check_clips(self, scopes: Sequence[Statement]) -> None:
        """Find clips that no complete statement names."""
        covered, copied = (
            FolderTrees(one.root for one in some) for some in (scopes, [one for one in scopes if one.allows_others])
        )
        opened = FolderTrees(gap.path for one in self._statements for gap in one.gaps if gap.aspect is Aspect.PRESENCE)
        unnamed: dict[str, list[str]] = {}
        for path in self._clips:
            if path in covered:
                if path in self._named or path in copied:
                    continue
                reason = "is not named by the index that is to name all, so that is older or of another card"
            elif path in self._named and path in opened:
                continue  # its layout has said what is open
            else:
                reason = "is named by no index or list, so nothing states that all is there; give --against or a list"
            unnamed.setdefault(reason, []).append(path)
        for reason, some in unnamed.items():
            more = f" (and {len(some) - 1:,} more)" if len(some) > 1 else ""
            self._gap(Aspect.PRESENCE, some[0], reason + more)

    @staticmethod
    def _is_clip(path: str, fact: FileFact) -> bool:
        """Whether a file is media of its own, and no icon or proxy of a clip."""
        return fact.media_class in MEDIA_CLASSES_OF_CLIPS and not fact.problem and not is_card_extra(path)

    def _check_content(self) -> None:
        """Find files whose bytes nothing states, and payload that a bag does not list."""
        payloads = [posixpath.join(one.root, "data") for one in self._statements if one.kind == "BagIt"]
        bags = FolderTrees(payloads)
        copies = FolderTrees(one.root for one in self._statements if one.allows_others)
        lists = {one.source for one in self._statements if one.kind == "packing list"}
        unstated = []
        for path, fact in self._files.items():
            if path in self._compared and not payloads:
                continue
            if fact.problem or path in lists or is_own_evidence(path):
                continue
            if path in bags and path not in self._listed:
                self._fault(Aspect.PRESENCE, path, "is in the payload, and no manifest of its bag lists it")
            elif path in self._compared:
                continue
            elif path in copies:
                self._verdict.extra_files += 1
            else:
                unstated.append(path)
        if unstated:
            more = f" and {len(unstated) - 1:,} more" if len(unstated) > 1 else ""
            reason = f"no list states the sum of this file{more}; give --against COPY, or a list"
            self._gap(Aspect.CONTENT, unstated[0], reason)

    def _summarize(self) -> None:
        whole = [one for one in self._files.values() if not one.problem]
        self._verdict.files, self._verdict.size_bytes = len(whole), sum(one.size for one in whole)
        kinds = Counter(one.kind for one in self._statements)
        self._verdict.structures = list(kinds)


def _folders_of(paths: Iterable[str]) -> set[str]:
    """Return all folders above these files."""
    found: set[str] = set()
    for path in paths:
        above = path
        while above and (above := above.rpartition("/")[0]) not in found:
            found.add(above)
    return found


def _name(statement: Statement) -> str:
    return statement.source.rpartition("/")[2] or f"the layout of a {statement.kind}"


def _paths_by_id(statements: Sequence[Statement]) -> dict[tuple[str, str], str]:
    """Return the files of asset maps by the folder of the map and their ids."""
    return {
        (statement.root, one.id): one.path for statement in statements for one in statement.files if one.id and one.path
    }
