-- Goes on holding what a session holds.
--
-- What it holds is said, too: a new session holds what the one before it did, and so does one whose
-- store has lost its memory.
--
-- KEYS: buckets. ARGV: session; the one before it, or ''; how long it holds things; for each bucket d, q
-- and r.

local session, before, lapses = ARGV[1], ARGV[2], now + tonumber(ARGV[3])
for i, key in ipairs(KEYS) do
  local at = 3 * i + 1
  if before ~= '' then
    redis.call('HDEL', key, before)
  end
  local bucket = read(key, session, tonumber(ARGV[at]))
  if not is_more(bucket.own_q, bucket.own_r, 0, 0) then
    bucket.own_q, bucket.own_r = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  end
  bucket.own_until = lapses
  write(bucket, session)
end
