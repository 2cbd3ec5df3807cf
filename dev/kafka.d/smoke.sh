# shellcheck shell=bash
# `dev/kafka smoke`: does a running variant do everything that logveil asks of Kafka? Part of dev/kafka,
# which sources it.
#
# Each step is a function that ends in `passed` or `smoke_fail`. In `single` and `three` there are no users,
# so the user names below only matter in `secure`.

readonly SMOKE_RECORDS=20000
readonly SMOKE_RECORD_BYTES=1000
readonly LARGE_RECORD_BYTES=$((12 * 1024 * 1024))
readonly REMOVAL_SECONDS_MAX=20

verb_smoke() {
  require_java
  verb_status >/dev/null
  SMOKE_LOG="$DATA/smoke.log"
  : >"$SMOKE_LOG"
  remove_smoke_topics
  smoke_create
  smoke_transactional_write
  smoke_read
  smoke_delete_records
  smoke_disk_space
  smoke_large_record
  if [[ "$VARIANT" == secure ]]; then
    smoke_least_privileges
    smoke_refusals
    smoke_logins
  fi
  remove_smoke_topics
  say "smoke test of $VARIANT passed"
}

smoke_create() {
  local topic
  for topic in raw-smoke clean-smoke quarantine-smoke; do
    admin_tool TopicCommand --create --topic "$topic" --partitions 1 >>"$SMOKE_LOG" 2>&1 ||
      smoke_fail "could not create $topic"
  done
  # 1 MiB is the least that Kafka 4 allows for segment.bytes (it was 14 bytes before).
  admin_tool TopicCommand --create --topic raw-smoke-disk --partitions 1 --config segment.bytes=1048576 \
    >>"$SMOKE_LOG" 2>&1 || smoke_fail "could not create raw-smoke-disk"
  passed "topics created: $(admin_tool TopicCommand --describe --topic raw-smoke | head -n 1 | tr '\t' ' ')"
}

smoke_transactional_write() {
  local result
  result="$(produce admin raw-smoke "$SMOKE_RECORDS" "$SMOKE_RECORD_BYTES" \
    --transactional-id logveil-smoke --transaction-duration-ms 200)" ||
    smoke_fail "could not write raw-smoke in transactions"
  printf '%s\n' "$result" >>"$SMOKE_LOG"
  passed "transactional write: $(tail -n 1 <<<"$result" | cut -d, -f1-3)"
}

smoke_read() {
  local count
  count="$(consume logveil raw-smoke logveil-smoke "$SMOKE_RECORDS" 2>>"$SMOKE_LOG" | wc -l)" || true
  [[ "$count" -eq $SMOKE_RECORDS ]] || smoke_fail "read $count of $SMOKE_RECORDS records of raw-smoke"
  passed "committed read in a group: $count records"
}

smoke_delete_records() {
  delete_records logveil raw-smoke 5000 >>"$SMOKE_LOG" 2>&1 || smoke_fail "DeleteRecords of raw-smoke failed"
  local first
  first="$(earliest_offset raw-smoke)"
  [[ "$first" == 5000 ]] || smoke_fail "raw-smoke begins at offset $first after DeleteRecords up to 5000"
  passed "DeleteRecords: raw-smoke now begins at offset $first"
}

# DeleteRecords only moves a number. The bytes go when the log cleaner finds whole segments below it, and the newest
# segment always stays.
smoke_disk_space() {
  local dir="$DATA/node-1/raw-smoke-disk-0" before after begin=$SECONDS
  produce admin raw-smoke-disk 5000 "$SMOKE_RECORD_BYTES" >>"$SMOKE_LOG" 2>&1 ||
    smoke_fail "could not fill raw-smoke-disk"
  before="$(segment_count "$dir")"
  delete_records logveil raw-smoke-disk -1 >>"$SMOKE_LOG" 2>&1 ||
    smoke_fail "DeleteRecords of raw-smoke-disk failed"
  until after="$(segment_count "$dir")" && [[ "$after" -eq 1 ]]; do
    [[ $((SECONDS - begin)) -lt $REMOVAL_SECONDS_MAX ]] ||
      smoke_fail "$after of $before segments are still on disk after $REMOVAL_SECONDS_MAX s"
    sleep 0.2
  done
  passed "disk space: $before segments became $after within $((SECONDS - begin)) s"
}

smoke_large_record() {
  produce admin raw-smoke 1 "$LARGE_RECORD_BYTES" >>"$SMOKE_LOG" 2>&1 || smoke_fail "a record of 12 MiB was refused"
  passed "a record of 12 MiB was accepted"
}

# ---------------------------------------------------------------- secure only

smoke_least_privileges() {
  local topic
  for topic in clean-smoke quarantine-smoke; do
    produce logveil "$topic" 100 100 --transactional-id logveil-smoke-out --transaction-duration-ms 200 \
      >>"$SMOKE_LOG" 2>&1 || smoke_fail "user logveil could not write $topic"
  done
  passed "user logveil may write clean-smoke and quarantine-smoke in transactions"
}

# The other half of least privilege. Each refusal must be Kafka's own `not authorized`, not
# some other failure that happens to look like one.
smoke_refusals() {
  must_be_refused "write raw-smoke" produce logveil raw-smoke 1 100
  must_be_refused "use a foreign transactional id" produce logveil clean-smoke 1 100 \
    --transactional-id other --transaction-duration-ms 200
  must_be_refused "read clean-smoke" consume logveil clean-smoke logveil-smoke 1
  must_be_refused "join a foreign group" consume logveil raw-smoke other 1
  must_be_refused "delete records of clean-smoke" delete_records logveil clean-smoke 1
  must_be_refused "create a topic" tool_as logveil TopicCommand --create --topic raw-smoke-2 --partitions 1
}

smoke_logins() {
  sed 's/logveil-secret/wrong-secret/' "$DATA/client/logveil.properties" >"$DATA/client/wrong.properties"
  if tool_as wrong TopicCommand --list >"$DATA/refusal.log" 2>&1 ||
    ! grep -qi 'SaslAuthenticationException\|invalid credentials' "$DATA/refusal.log"; then
    smoke_fail "a wrong password was not refused as such (see $DATA/refusal.log)"
  fi
  rm -f "$DATA/client/wrong.properties"
  passed "a wrong password is refused"
}

must_be_refused() {
  local what="$1"
  shift
  # The exit code says nothing here: ProducerPerformance, ConsoleConsumer and DeleteRecordsCommand all leave
  # with 0 after an authorization error.
  "$@" >"$DATA/refusal.log" 2>&1 || true
  grep -qi 'not authorized\|AuthorizationException\|authorization failed' "$DATA/refusal.log" ||
    smoke_fail "user logveil was not refused to $what (see $DATA/refusal.log)"
  passed "user logveil may not $what"
}

# ---------------------------------------------------------------- clients

# produce USER TOPIC COUNT BYTES [OPTIONS]: fails unless every record was acknowledged. The tool leaves with 0 even
# when it was refused, but its last line counts only what the brokers took.
produce() {
  local user="$1" topic="$2" count="$3" bytes="$4" output
  shift 4
  output="$(tool_java org.apache.kafka.tools.ProducerPerformance --topic "$topic" --num-records "$count" \
    --record-size "$bytes" --throughput -1 --producer.config "$(client_settings "$user")" "$@" \
    --producer-props "bootstrap.servers=$(bootstrap)" acks=all max.request.size=16777216 \
    delivery.timeout.ms=20000 request.timeout.ms=10000 max.block.ms=10000 2>&1)" || true
  printf '%s\n' "$output"
  [[ "$(tail -n 1 <<<"$output")" == "$count records sent, "* ]]
}

# consume USER TOPIC GROUP COUNT: prints one line per record.
consume() {
  tool_java org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$(bootstrap)" --topic "$2" \
    --group "$3" --max-messages "$4" --timeout-ms 10000 --from-beginning --isolation-level read_committed \
    --consumer.config "$(client_settings "$1")"
}

# delete_records USER TOPIC OFFSET, where offset -1 is the end.
delete_records() {
  local file="$DATA/delete-records.json"
  printf '{"version":1,"partitions":[{"topic":"%s","partition":0,"offset":%s}]}\n' "$2" "$3" >"$file"
  tool_as "$1" DeleteRecordsCommand --offset-json-file "$file"
}

tool_as() {
  local user="$1" class="$2"
  shift 2
  tool_java "org.apache.kafka.tools.$class" --bootstrap-server "$(bootstrap)" \
    --command-config "$(client_settings "$user")" "$@"
}

# GetOffsetShell prints TOPIC:PARTITION:OFFSET.
earliest_offset() { admin_tool GetOffsetShell --topic "^$1\$" --time earliest | cut -d: -f3; }

segment_count() { find "$1" -name '*.log*' 2>/dev/null | wc -l; }

# Clients without login still want a file.
client_settings() {
  if [[ "$VARIANT" == secure ]]; then echo "$DATA/client/$1.properties"; else echo /dev/null; fi
}

remove_smoke_topics() {
  admin_tool TopicCommand --delete --if-exists --topic '(raw|clean|quarantine)-smoke(-disk)?' >>"$SMOKE_LOG" 2>&1 || true
}

passed() { say "ok    $*"; }

smoke_fail() {
  say "FAILED $*"
  fail "smoke test of $VARIANT failed" "the tools' own words are in $SMOKE_LOG"
}
