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

# Each portal says who tells of it, each access need who asks for it.
same_number() { # FILE-TEXT ONE OTHER COMPLAINT
    [ "$(grep -cE "$2" <<<"$1")" = "$(grep -oE "$3" <<<"$1" | wc -l)" ] || fault "$4"
}
services=$(cat config/policy/services.cfg) needs=$(sed '/^);/q' config/policy/access.cfg)
same_number "$services" '^ .*portal = "' ' source = "' 'services.cfg: a portal without source'
same_number "$services" '^ .*portal-usgov = "' 'source-usgov = "' 'services.cfg: a portal-usgov without source-usgov'
same_number "$needs" '^    \{' 'source = "' 'access.cfg: an access need without source'

[ "$faults" = 0 ] || exit 1
echo "requirements: $rows rows have their tests, every deciding rule its case"
