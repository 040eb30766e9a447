#!/usr/bin/env bash
# Each test that docs/requirements.md names exists and bears its row's id where it is a function of the
# domain's own tests; each rule of the shipped policy that can decide has a policy case.
# usage: requirements.sh BUILD-DIRECTORY
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
faults=0 rows=0

fault() {
    printf 'requirements: %s\n' "$*"
    faults=$((faults + 1))
}

while IFS='|' read -r _ row _ test _; do
    row=$(tr -d ' ' <<<"$row") test=$(sed 's/^ *//; s/ *$//' <<<"$test")
    rows=$((rows + 1))
    case $test in
    \"*\") grep -qF "\"name\": $test" config/policy/tests/*.json || fault "$row: no policy case $test" ;;
    \`*\`) name=${test//\`/}
        grep -rqE "(void|def) $name\(" tests --include='*.c' --include='*.py' ||
            fault "$row: no test $name" ;;
    *) fault "$row: $test names no test" ;;
    esac
done < <(grep -E '^\| S[0-9]{2} \|' docs/requirements.md)
[ "$rows" -ge 40 ] || fault "docs/requirements.md has $rows rows only"

# A rule or demand that decides: it has an action or a code. Its text runs to the next "{ id =".
while read -r id; do
    grep -qF "\"rule\": \"$id\"" config/policy/tests/*.json || fault "no policy case is decided by $id"
done < <(cat config/policy/*.cfg | tr '\n' ' ' | sed 's/{ id = /\n{ id = /g' |
    grep -E '^\{ id = "[^"]*";.*(then = "[A-Z_]+"|wants = .*code = )' | sed -E 's/^\{ id = "([^"]*)".*/\1/')

[ "$faults" = 0 ] || exit 1
echo "requirements: $rows rows have their tests, every deciding rule its case"
