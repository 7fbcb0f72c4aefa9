-- Gives back what was spent and is not needed.
--
-- KEYS: buckets. ARGV: for each bucket d, q, r, and when it was spent.

for i, key in ipairs(KEYS) do
  local at = 4 * i - 3
  local bucket = read(key, '', tonumber(ARGV[at]))
  refund(bucket, tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]))
  write(bucket, '')
end
