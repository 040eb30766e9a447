#!/usr/bin/env bash
# Dashboard and alerts name metrics that there are, and show every one there is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

there=$(grep -oE '"(egw|process)_[a-z_]+"' gateway/edge/metrics_text.c | tr -d '"' | sort -u)
shown=$(grep -ohE '\b(egw|process)_[a-z_]+' config/alerts/*.yml config/dashboards/*.json |
    sed -E 's/_(bucket|sum|count)$//' | sort -u)

python3 -m json.tool config/dashboards/egw.json >/dev/null
diff <(printf '%s\n' "$there") <(printf '%s\n' "$shown") || {
    echo "dashboards: metrics there are (<) and metrics shown (>) differ"
    exit 1
}
echo "dashboards: $(wc -l <<<"$there") metrics, all shown"
