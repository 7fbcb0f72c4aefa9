-- Ends a call.
--
-- KEYS: pages. ARGV: session; d; for each page q and r of what is reserved no more, and of what was used in
-- its place, and how long it is kept.

for i, key in ipairs(KEYS) do
  local at = 5 * i - 2
  local page = read(key, ARGV[1], tonumber(ARGV[2]))
  release(page, tonumber(ARGV[at]), tonumber(ARGV[at + 1]))
  settle(page, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]))
  write(page, ARGV[1], ARGV[at + 4])
end
