-- Ends what a call took until its end.
--
-- KEYS: buckets. ARGV: session; for each bucket d, q and r of what is held no more, and of what was
-- used in its place.

for i, key in ipairs(KEYS) do
  local at = 5 * i - 3
  local bucket = read(key, ARGV[1], tonumber(ARGV[at]))
  release(bucket, tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]))
  local q, r = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  if is_more(q, r, 0, 0) then
    spend(bucket, q, r)
  end
  write(bucket, ARGV[1])
end
