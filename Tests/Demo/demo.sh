#!/usr/bin/env bash
# The main job with real processes: three warehouses record orders before they have ever met a hub,
# then join it; the hub is killed in between and started again; all must end equal.
#
# PLUMBLINE_PROGRAMS  the folder of the two programs
# ORDERS              an order file in the Online Retail columns; empty makes a small one
set -euo pipefail

programs=${PLUMBLINE_PROGRAMS:?names the folder of plumbline and plumbline-hub}
work=$(mktemp -d)
hub_process=
stop() { [ -z "$hub_process" ] || kill "$hub_process" 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT
cd "$work"

say() { printf '\n--- %s\n' "$*"; }
edge() { "$programs/plumbline" "$@"; }
hub() { "$programs/plumbline-hub" "$@"; }

serve() {
    : > hub.out
    "$programs/plumbline-hub" serve --data hub --listen "127.0.0.1:$port" --insecure > hub.out 2> hub.err &
    hub_process=$!
    for _ in {1..100}; do
        grep -q listening hub.out && return
        sleep 0.1
    done
    echo 'The hub did not start:' >&2
    cat hub.err >&2
    exit 1
}

# Orders of three days, made from a fixed seed: few hot items, some returns and found goods.
make_orders() {
    awk 'BEGIN {
        srand(7)
        print "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
        for (order = 0; order < 120; order++) {
            time = sprintf("2011-03-%02d %02d:%02d:00", 1 + int(order / 40), 8 + int((order % 40) / 4), (order % 4) * 15)
            returned = order % 17 == 16
            lines = 1 + int(rand() * 8)
            for (line = 0; line < lines; line++) {
                item = 1 + int(rand() * rand() * 40)
                quantity = 1 + int(rand() * 12)
                printf "%s%d,%05d,ITEM %d,%s%d,%s,%.2f,17850.0,United Kingdom\n", returned ? "C" : "", 600000 + order, item, item, returned ? "-" : "", quantity, time, 0.5 + item / 8
            }
        }
    }' > orders.csv
}

port=$((20000 + RANDOM % 20000))
orders=${ORDERS:-}
if [ -z "$orders" ]; then
    make_orders
    orders=$work/orders.csv
fi

say 'A hub, and three warehouses that have never met it'
hub init --data hub
for site in LON MAN GLA; do
    hub invite --data hub --site $site --node "${site,,}-1" | tail -n 1 > "$site.token"
    edge init --data $site --site $site
done

say 'Each records its own orders, offline'
started=$(date +%s)
for site in LON MAN GLA; do
    edge import online-retail "$orders" --data $site --at-site --receipts restock
    edge status --data $site || true
done

say 'The link comes up: LON and MAN join; the hub is killed, and started again'
serve
for site in LON MAN; do edge join "http://127.0.0.1:$port" --data $site --token "$(cat $site.token)"; done
edge sync --data LON
kill -9 "$hub_process"
wait "$hub_process" 2>/dev/null || true
edge sync --data MAN && exit 1 || echo 'MAN cannot reach the hub, and records on.'
rm -f hub/listen
serve
edge join "http://127.0.0.1:$port" --data GLA --token "$(cat GLA.token)"

say 'All sync'
for _ in 1 2; do for site in LON MAN GLA; do edge sync --data $site; done; done

say 'Status of every node'
for site in LON MAN GLA; do edge status --data $site; done

say 'Stock of every site, at the site and at the hub'
for site in LON MAN GLA; do
    edge stock --data $site --json > "$site.node.json"
    edge status --data $site --json > "$site.status.json"
    grep -q '"state":"in_sync"' "$site.status.json"
    grep -q '"agrees_with_hub":true' "$site.status.json"
    echo "$site: digests agree with the hub, $(grep -o '"sku"' "$site.node.json" | wc -l) items in stock"
done
hub status --data hub

say "All equal after $(($(date +%s) - started)) s."
