#!/usr/bin/env bash
# Tries `poolscope mcp` with clients that nobody here wrote: PyPI's `mcp` and npm's inspector in its command-line mode.
# usage: mcp_clients.sh SERVER [ARG...]     (SERVER: the poolscope program, or a wrapper that starts it)
# Options before SERVER: --no-live leaves out the tools that sample this machine; --python-only leaves out the inspector.
# Installs both clients below target/mcp-clients of this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
flags=() inspector=yes
while [[ ${1-} == --* ]]; do
  case $1 in
    --no-live) flags+=(--no-live) ;;
    --python-only) inspector= ;;
  esac
  shift
done
home=target/mcp-clients
mkdir -p "$home"
if [ ! -x "$home/python/bin/python" ]; then
  python3 -m venv "$home/python"
  "$home/python/bin/pip" install --quiet --disable-pip-version-check 'mcp==2.3.0'
fi
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
"$home/python/bin/python" ci/mcp_data.py "$data"
"$home/python/bin/python" ci/mcp_client.py "${flags[@]}" "$data" "$@" mcp --allow "$data" --recordings "$data"
[ -n "$inspector" ] || exit 0
if ! command -v npm >/dev/null; then
  echo "npm is not installed: the inspector was left out"
  exit 0
fi
if [ ! -d "$home/inspector/node_modules" ]; then
  npm install --silent --no-audit --no-fund --prefix "$home/inspector" @modelcontextprotocol/inspector@2.12.0
fi
inspect() { "$home/inspector/node_modules/.bin/mcp-inspector" --cli "${server[@]}" "$@"; }
server=("$@" mcp --allow "$data")
inspect --method tools/list | grep -q '"diagnose"'
inspect --method resources/list | grep -q 'poolscope://findings'
inspect --method prompts/list | grep -q 'why-is-my-memory-full'
inspect --method tools/call --tool-name analyze --tool-arg "path=$data/before.csv" | grep -q 'poolscope.report/1'
echo "inspector: lists and calls as expected"
