#!/usr/bin/env bash
# The release binary carries what the OpenSSF compiler guide asks for (security item P-1).
# usage: hardening.sh BUILD-DIRECTORY; looks at EGW_BINARY, else the release build beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
binary=${EGW_BINARY:-build/release/workers/egw}
if [ ! -x "$binary" ]; then
    if [ "${CI:-}" = true ]; then
        echo "hardening: $binary is not built"
        exit 1
    fi
    echo "skipped: $binary is not built (./run build)"
    exit 77
fi
faults=0

# grep reads to the end: -q would close the pipe early, and readelf would fail by that.
has() { # WHAT PATTERN COMMAND...
    local what=$1 pattern=$2
    shift 2
    if ! "$@" 2>/dev/null | grep -E "$pattern" >/dev/null; then
        echo "hardening: no $what in $binary"
        faults=$((faults + 1))
    fi
}

has "position-independent executable" 'Type: *DYN' readelf -hW "$binary"
has "PIE flag" 'FLAGS_1.*PIE' readelf -dW "$binary"
has "immediate binding" 'FLAGS.*NOW' readelf -dW "$binary"
has "read-only relocations" 'GNU_RELRO' readelf -lW "$binary"
has "stack that is not executable" 'GNU_STACK.* RW  *0x' readelf -lW "$binary"
has "stack protector" '__stack_chk_fail' readelf --dyn-syms -W "$binary"
has "fortified call" '__[a-z]+_chk(@|$)' readelf --dyn-syms -W "$binary"
if readelf -lW "$binary" | grep -E 'LOAD.* RWE ' >/dev/null; then
    echo "hardening: a segment is writable and executable"
    faults=$((faults + 1))
fi
if readelf -dW "$binary" | grep -E 'RPATH|RUNPATH' >/dev/null; then
    echo "hardening: the binary names a library path"
    faults=$((faults + 1))
fi
[ "$faults" = 0 ] || exit 1
echo "hardening: PIE, NOW, RELRO, no executable stack, stack protector, fortified calls"
