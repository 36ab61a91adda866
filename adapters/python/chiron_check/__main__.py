"""`python chiron_check DIR...`: checks workflow folders and prints one JSON document; see docs/check.md.

Run by the interpreter that will run the workflows, because "is this package installed" is a question only it can answer.
The folders of this program itself are taken off the import path first, so that they cannot answer for a package.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [os.path.dirname(_HERE), *(entry for entry in sys.path if os.path.abspath(entry or ".") != _HERE)]

from chiron_check.declarations import declarations  # noqa: E402
from chiron_check.findings import Finding, ignored_at  # noqa: E402
from chiron_check.imports import control_plane_findings, import_findings, installed  # noqa: E402
from chiron_check.naming import naming_findings  # noqa: E402
from chiron_check.running import running_findings  # noqa: E402
from chiron_check.source import Source, read_source, workflow_files  # noqa: E402

sys.path.remove(os.path.dirname(_HERE))


def check(folders: list[str]) -> dict[str, Any]:
    """The document for some folders."""
    roots = [os.path.realpath(os.path.expanduser(folder)) for folder in folders]
    seen: set[str] = set()
    taken: dict[str, str] = {}
    findings: list[Finding] = []
    declared: list[dict[str, Any]] = []
    for root in roots:
        for path in [root] if os.path.isfile(root) else workflow_files(root):
            if path in seen:
                continue
            seen.add(path)
            folder = os.path.dirname(root) if os.path.isfile(root) else root
            source = read_source(path, folder)
            if isinstance(source, Finding):
                findings.append(source)
                continue
            try:
                more, found = _check_file(source, roots, taken)
            except RecursionError:
                more, found = [], [_too_deep(source)]
            findings += [finding for finding in found if not ignored_at(source.lines, finding.line, finding.rule)]
            declared += more
    unique = {(finding.path, finding.line, finding.column, finding.rule, finding.message): finding for finding in findings}
    ordered = sorted(unique.values(), key=lambda finding: (finding.path, finding.line, finding.column, finding.rule))
    return {"files": len(seen), "findings": [finding.as_dict() for finding in ordered], "declarations": declared}


def _check_file(source: Source, roots: list[str], taken: dict[str, str]) -> tuple[list[dict[str, Any]], list[Finding]]:
    found = [*import_findings(source, [source.root, *roots]), *control_plane_findings(source)]
    if not source.is_workflow:
        return [], found
    found += naming_findings(source, taken)
    found += running_findings(source, bool(os.environ.get("DATABASE_URL", "").strip()), installed("asyncpg"))
    declared, more = declarations(source)
    return [part for part in declared if not ignored_at(source.lines, part["line"], part["kind"])], found + more


def _too_deep(source: Source) -> Finding:
    message = "the file is nested too deeply to be checked"
    return source.finding(source.tree, "workflow-name", "warning", message, "Split the long expression.")


def main(arguments: list[str]) -> int:
    """Prints the document. Exit code 2 only for wrong usage: what findings mean is the caller's decision."""
    if not arguments:
        print("usage: python chiron_check DIR...", file=sys.stderr)
        return 2
    missing = [folder for folder in arguments if not os.path.exists(os.path.expanduser(folder))]
    if missing:
        print(f"no such folder: {', '.join(missing)}", file=sys.stderr)
        return 2
    # What the compiler would say of a file's style is not a finding.
    warnings.simplefilter("ignore")
    json.dump(check(arguments), sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
