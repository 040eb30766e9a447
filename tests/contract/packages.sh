#!/usr/bin/env bash
# README.md names the same packages for the same reasons as ./run does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

in_run() { sed -n "/^\(BUILD\|TEST\)_PACKAGES='/,/^'/p" run | grep -v "'" | sed -E 's/ +/\t/'; }
in_readme() {
    sed -n '/^| package |/,/^$/p' README.md | tail -n +3 |
        sed -nE 's/^\| `([^`]*)`( or `([^`]*)`)? \| (.*) \|$/\1|\3\t\4/p' | sed -E 's/\|\t/\t/'
}

diff <(in_run) <(in_readme) || {
    echo "packages: ./run (<) and README.md (>) differ"
    exit 1
}
echo "packages: $(in_run | wc -l) rows agree"
