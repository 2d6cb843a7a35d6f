#!/usr/bin/env bash
# Checks skills/ with the reference validator of the Agent Skills format (PyPI: skills-ref), installed below target/.
set -euo pipefail
cd "$(dirname "$0")/.."
home=target/skills-ref
if [ ! -e "$home/installed" ]; then
  python3 -m venv "$home"
  # 75: the registry did not give it (EX_TEMPFAIL).
  "$home/bin/pip" install --quiet --disable-pip-version-check skills-ref==0.1.1 || exit 75
  touch "$home/installed"
fi
for skill in skills/*/; do
  "$home/bin/agentskills" validate "${skill%/}"
done
