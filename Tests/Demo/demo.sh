#!/usr/bin/env bash
# The main job with real processes: a hub and three warehouses record days of orders. Then one
# warehouse loses its link and works on, another's agent is killed, and the hub is killed and
# started again. The links return, and everything must end equal on every machine.
#
# PLUMBLINE_PROGRAMS  the folder of the two programs
# ORDERS              an order file in the Online Retail columns; empty makes one from a seed
# SEED                decides what the orders are that it makes; 7 if it is not given
set -euo pipefail

programs=${PLUMBLINE_PROGRAMS:?names the folder of plumbline and plumbline-hub}
sites=(LON MAN GLA)
work=$(mktemp -d)
cd "$work"

declare -A process=()
stop_all() {
    local name
    for name in "${!process[@]}"; do kill_now "$name" 2>/dev/null || true; done
}
finish() {
    local status=$?
    stop_all
    if [ "$status" -ne 0 ]; then
        printf '\nThe demo FAILED (exit status %d). What the processes said:\n' "$status" >&2
        tail -n 5 "$work"/*.err >&2 || true
    fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

now() { date +%s%3N; }
began=$(now)
say() { printf '\n=== %3d s  %s\n' "$((($(now) - began) / 1000))" "$*"; }
edge() { "$programs/plumbline" "$@"; }
hub() { "$programs/plumbline-hub" "$@" --data hub; }

# Starts a process of its own group and waits for the line that says that it answers.
start() {
    local name=$1 sign=$2
    shift 2
    : > "$name.out"
    setsid "$@" > "$name.out" 2>> "$name.err" &
    process[$name]=$!
    local try
    for try in {1..200}; do
        grep -q "$sign" "$name.out" && return
        sleep 0.05
    done
    echo "$name did not start." >&2
    exit 1
}

# Ends a process as a power cut would.
kill_now() {
    kill -9 -- "-${process[$1]}"
    wait "${process[$1]}" 2>/dev/null || true
    unset "process[$1]"
}

start_hub() {
    start hub 'listening on' "$programs/plumbline-hub" serve --data hub \
        --listen "127.0.0.1:$hub_port" --insecure
}
start_agent() { start "$1" 'answers at' "$programs/plumbline" agent --data "$1"; }

# The link of MAN is a relay, so that it can be cut without touching the others.
link_up() {
    setsid socat "TCP-LISTEN:$relay_port,bind=127.0.0.1,reuseaddr,fork" \
        "TCP:127.0.0.1:$hub_port" 2>> relay.err &
    process[relay]=$!
}

import() {
    edge import online-retail "$orders" --data "$1" --at-site --receipts restock --until "$2"
}

recorded() { edge status --data "$1" --json | grep -o '"recorded":[0-9]*' | cut -d: -f2; }

show() {
    local site
    for site in "${sites[@]}"; do edge status --data "$site" || true; done
}

field() { grep -o "\"$2\":[^,}]*" "$1" | sed -n 1p | cut -d: -f2- | tr -d '"'; }
digests() { grep -o '"digest":{[^}]*"financial":"[0-9a-f]*"' "$1" | grep -o '[0-9a-f]\{64\}'; }

hub_port=$((20000 + RANDOM % 20000))
relay_port=$((hub_port + 1))
first_day=2010-12-01
day() { date -u -d "$first_day + $(($1 - 1)) days" +%F; }

orders=${ORDERS:-}
if [ -z "$orders" ]; then
    orders=$work/orders.csv
    edge import sample --seed "${SEED:-7}" --days 8 --orders-per-day 400 > "$orders"
    echo "Orders of 8 days, made from the seed ${SEED:-7}: $(wc -l < "$orders") lines."
fi

say 'A hub, three warehouses, and their agents'
hub init
for site in "${sites[@]}"; do
    hub invite --site "$site" --node "${site,,}-1" | tail -n 1 > "$site.token"
    edge init --data "$site" --site "$site"
done
start_hub
link_up
for site in "${sites[@]}"; do
    start_agent "$site"
    port=$hub_port
    [ "$site" = MAN ] && port=$relay_port
    edge join "http://127.0.0.1:$port" --data "$site" --token "$(cat "$site.token")"
done

say 'Three days of orders, all links up'
imports=()
for site in "${sites[@]}"; do
    import "$site" "$(day 3)" > "$site.import" &
    imports+=($!)
done
for import in "${imports[@]}"; do wait "$import"; done
for site in "${sites[@]}"; do printf '%s: %s\n' "$site" "$(cat "$site.import")"; done
edge stock --data LON --json > stock.json
grep -o '"sku":"[^"]*","on_hand":"[0-9]\{3,\}"' stock.json > plenty
sku=$(sed -n 1p plenty | cut -d'"' -f4)
edge transfer request T-1 "$sku" 10 --to MAN --data LON
for site in "${sites[@]}"; do edge sync --data "$site" --wait > /dev/null || [ $? -eq 4 ]; done
show

say 'MAN loses its link, and works on'
cut_at=$(now)
kill_now relay
import MAN "$(day 6)"
echo "MAN cancels the transfer T-1 of $sku, and holds 5 back; LON dispatches it, and holds 9 back."
edge transfer cancel T-1 --from LON --data MAN
edge item change "$sku" --version-seen 1 --safety-stock 5 --data MAN
edge transfer dispatch T-1 --data LON
edge item change "$sku" --version-seen 1 --safety-stock 9 --data LON

say "GLA's agent is killed in the middle of its work, and started again"
import GLA "$(day 6)" > GLA.import 2>&1 &
importing=$!
before=$(recorded GLA)
for try in {1..100}; do
    [ "$(recorded GLA)" -gt "$before" ] && break
    sleep 0.02
done
kill_now GLA
if wait "$importing"; then
    echo 'GLA had finished already.'
else
    sed 's/^/The interrupted import said: /' GLA.import
fi
start_agent GLA
import GLA "$(day 6)"

say 'The hub is killed; all work on; it is started again'
kill_now hub
import LON "$(day 6)"
show
start_hub

say 'The link of MAN returns'
back_at=$(now)
link_up
for site in "${sites[@]}"; do
    edge sync --data "$site" --wait --timeout 300 > /dev/null || [ $? -eq 4 ]
done
# What one site sent last may be news for another that was in sync a moment before.
for site in "${sites[@]}"; do
    edge sync --data "$site" --wait --timeout 60 > /dev/null || [ $? -eq 4 ]
done
equal_at=$(now)
edge transfer receive T-1 "$sku" 10 --from LON --data MAN
import MAN "$(day 8)"
for round in 1 2; do
    for site in "${sites[@]}"; do
        edge sync --data "$site" --wait --timeout 60 > /dev/null || [ $? -eq 4 ]
    done
done
show

say 'Is everything equal?'
hub status --json > hub.json || true
all_equal=true
events=0
for site in "${sites[@]}"; do
    edge status --data "$site" --json > "$site.json" || true
    events=$((events + $(field "$site.json" recorded)))
    own=$(digests "$site.json" | tr '\n' ' ')
    theirs=$(grep -o "\"$site\":{\"physical[^}]*}" hub.json | grep -o '[0-9a-f]\{64\}' | tr '\n' ' ')
    if [ -n "$own" ] && [ "$own" = "$theirs" ] && grep -q '"agrees_with_hub":true' "$site.json" &&
        [ "$(field "$site.json" pending)" = 0 ]; then
        echo "$site: physical, commitment and financial layer equal the hub's: ${own:0:12}…"
    else
        echo "$site: NOT equal: $own / $theirs"
        all_equal=false
    fi
done
hub conflicts --json > conflicts.json
# A conflict has a row at each site that it touches.
count() { { grep -o "\"id\":\"[^\"]*\",\"rule\":\"[^\"]*\",\"state\":\"$1\"" conflicts.json || true; } | sort -u | wc -l; }
resolved=$(count resolved)
opened=$(count open)
hub conflicts

say 'Every store is folded again from nothing'
stop_all
rm -f hub/listen
for site in "${sites[@]}"; do edge verify --data "$site" || all_equal=false; done
hub verify || all_equal=false

cat <<SUMMARY

Summary
  events recorded         $events by three warehouses, $(field hub.json head) positions at the hub
  outage of MAN           $(((back_at - cut_at) / 1000)) s, meanwhile one agent and the hub were killed
  time to converge        $((equal_at - back_at)) ms after the link returned
  digests                 $($all_equal && echo 'equal on every machine' || echo 'DIFFERENT')
  conflicts               $resolved resolved by rule, $opened for a person to decide
SUMMARY
$all_equal
