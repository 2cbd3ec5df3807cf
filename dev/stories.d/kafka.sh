# What the stories on Kafka share; they source it. Builds the programs, finds or starts the broker, and cleans up.
# After it: $load (kafka_load), $logveil, $work (a folder that goes away), $bootstrap, $prefix (of the story's topics).
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cargo build --release --locked --bin logveil --example kafka_load
logveil=$PWD/target/release/logveil
work=$(mktemp -d)
prefix=story-$(basename "$0")-$$
group=$prefix
started_broker=
pids=()
topics=()

clean_up() {
  local pid topic
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  for topic in "${topics[@]}"; do load delete "$topic" >/dev/null 2>&1 || true; done
  [ -z "$started_broker" ] || dev/kafka stop single 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

if ! bootstrap=$(dev/kafka status single 2>/dev/null); then
  bootstrap=$(dev/kafka start single)
  started_broker=yes
fi

load() { RUST_BACKTRACE=0 target/release/examples/kafka_load --bootstrap "$bootstrap" "$@"; }

fail() { # WHY: with the last words of every logveil
  tail -qn 5 "$work"/*.run >&2 2>/dev/null || true
  echo "FAILED: $*" >&2
  exit 1
}

topic() { # NAME [PARTITIONS]: a new topic; its full name is $prefix-NAME
  load topic "$prefix-$1" --partitions "${2:-6}" --fresh >/dev/null
  topics+=("$prefix-$1")
}

figure() { # NAME LINE...: the value of NAME in a line of `name=value` figures
  local word line="${*:2}"
  for word in $line; do
    [[ $word != "$1="* ]] || { echo "${word#*=}"; return; }
  done
  fail "no figure $1 in: ${*:2}"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

config() { # NAME PACK [MORE]: writes $work/NAME.toml, which reads raw and writes clean and quarantine; NAME is the instance
  [ -f "$work/keyring.toml" ] || "$logveil" keys init --keyring "$work/keyring.toml" >/dev/null 2>&1
  local port
  port=$(free_port)
  echo "$port" > "$work/$1.port"
  cat > "$work/$1.toml" <<TOML
[kafka]
bootstrap_servers = "$bootstrap"
group = "$group"
instance = "$1"
[[route]]
topics = ["$prefix-raw"]
pack = "$2"
target = "$prefix-clean"
quarantine = "$prefix-quarantine"
[keys]
keyring = "$work/keyring.toml"
[http]
listen = "127.0.0.1:$port"
${3:-}
TOML
}

run() { # NAME: starts `logveil run` with $work/NAME.toml; its process id is then in $pid
  "$logveil" run --config "$work/$1.toml" >> "$work/$1.run" 2>&1 &
  pid=$!
  pids+=("$pid")
}

end() { # PID NAME: ends it as an operator would, and wants exit code 0
  local status=0
  kill -TERM "$1" || fail "$2 was gone already"
  wait "$1" || status=$?
  [ "$status" -eq 0 ] || fail "$2 ended with exit code $status"
}

counter() { # NAME FAMILY: the sum of a counter of a running instance, over its labels; 0 while it does not answer
  python3 - "$(cat "$work/$1.port")" "$2" <<'PY'
import re, sys, urllib.request
try:
    with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/metrics", timeout=2) as answer:
        text = answer.read().decode()
except OSError:
    text = ""
values = re.findall(rf"^{sys.argv[2]}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
print(int(sum(map(float, values))))
PY
}
