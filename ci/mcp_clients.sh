#!/usr/bin/env bash
# Tries `poolscope mcp` with clients that nobody here wrote, PyPI's `mcp` and npm's inspector in its command-line mode, and
# with what no client sends. Ends with a status other than 0 when something is not as it should be.
# usage: mcp_clients.sh [OPTION...] SERVER [ARG...]     SERVER: the poolscope program, or what starts it (wine64 poolscope.exe)
#   --no-live       leave out the tools that sample this machine
#   --no-inspector  leave out the inspector, which needs npm
#   --drive Z:      SERVER is a Windows program that sees this system's files there
# Installs both clients below target/mcp-clients of this checkout, once; a run then takes some 30 s.
set -euo pipefail
cd "$(dirname "$0")/.."
flags=() drive=() letter="" inspector=yes live=yes
while [[ ${1-} == --* ]]; do
  case $1 in
    --no-live) flags+=(--no-live) live= ;;
    --no-inspector) inspector= ;;
    --drive) letter=$2 drive=(--drive "$2"); shift ;;
    *) echo "mcp_clients.sh: $1?" >&2; exit 2 ;;
  esac
  shift
done
[ $# -gt 0 ] || { echo "usage: mcp_clients.sh [--no-live] [--no-inspector] [--drive Z:] SERVER [ARG...]" >&2; exit 2; }
home=target/mcp-clients
mkdir -p "$home"
if [ ! -e "$home/python/installed" ]; then
  python3 -m venv "$home/python"
  # 75: the registry did not give it (EX_TEMPFAIL).
  "$home/python/bin/pip" install --quiet --disable-pip-version-check 'mcp==2.3.0' 'jsonschema>=4' || exit 75
  touch "$home/python/installed"
fi
# Fresh folders; the program gets them as it sees them.
data=$(cd "$(mktemp -d)" && pwd -P)
trap 'rm -rf "$data"' EXIT
mkdir "$data/raw" "$data/client"
python3 ci/mcp_data.py "$data/raw"
python3 ci/mcp_data.py "$data/client"
python3 ci/mcp_raw.py "${drive[@]}" "$data/raw" "$@" mcp --allow "$letter$data/raw"
"$home/python/bin/python" ci/mcp_client.py "${flags[@]}" "${drive[@]}" "$data/client" "$@" \
  mcp --allow "$letter$data/client" --recordings "$letter$data/client"
[ -n "$inspector" ] || exit 0
command -v npm >/dev/null || { echo "mcp_clients.sh: npm is not installed (--no-inspector leaves the inspector out)" >&2; exit 1; }
if [ ! -e "$home/inspector/installed" ]; then
  npm install --silent --no-audit --no-fund --prefix "$home/inspector" @modelcontextprotocol/inspector@2.12.0 || exit 75
  touch "$home/inspector/installed"
fi
server=("$@" mcp --allow "$letter$data/client")
at=$letter$data/client
# What the inspector prints must hold a text.
inspect() {
  local expected=$1 said
  shift
  said=$("$home/inspector/node_modules/.bin/mcp-inspector" --cli "${server[@]}" "$@" 2>&1) || true
  grep -q -- "$expected" <<<"$said" || { printf 'inspector %s: no %s in\n%.2000s\n' "$*" "$expected" "$said" >&2; exit 1; }
}
tool() {
  local expected=$1 name=$2 arguments=()
  shift 2
  for argument in "$@"; do arguments+=(--tool-arg "$argument"); done
  inspect "$expected" --method tools/call --tool-name "$name" "${arguments[@]}"
}
inspect '"diagnose"' --method tools/list
inspect 'poolscope://findings' --method resources/list
inspect 'PS0101' --method resources/read --uri poolscope://findings/PS0101
inspect 'why-is-my-memory-full' --method prompts/list
tool 'poolscope.report/1' analyze "path=$at/before.csv"
tool 'poolscope.report/1' diagnose "path=$at/before.csv"
tool 'poolscope.comparison/1' compare "before_path=$at/before.csv" "after_path=$at/after.csv"
tool 'ntfs.sys' owner 'tags=["NtFC"]'
tool 'PS0101' explain what=PS0101
tool 'outside the folders' analyze path=/etc/passwd
if [ -n "$live" ]; then
  tool 'poolscope.report/1' snapshot min_bytes=1
  tool 'poolscope.report/1' track interval_seconds=1 samples=2
fi
echo "inspector: lists and calls as expected"
